"""What a good transfer sounds like, as numbers; tests and proofs share these checks.

Each check returns a number that a bound is set on: `BOUNDS` has them, and `failures`
names the ones that are broken. A sine, noise and an untrained model break some.
"""

import dataclasses

import librosa
import numpy as np
import soxr

RATE = 16_000
HOP = 64  # 250 frames a second
REST_SECS = 0.3
REST_DBFS = -60.0  # input frames below that are a rest
DECAY_DB = 60.0


@dataclasses.dataclass(frozen=True)
class Heard:
    """What the checks are of.

    Args:
        source: The input's audio at 16 kHz, [n_samples].
        output: The transfer's audio at 16 kHz, [n_samples].
        f0_hz: Of the conditioning, [n_frames].
        loudness_db: Of the conditioning, [n_frames].
        voiced: Frames in which the conditioning has a note, bool [n_frames].
        training: Timbre of the instrument that the model learned.
        decay_secs: How long the model's reverb takes to fall by 60 dB.
    """

    source: np.ndarray
    output: np.ndarray
    f0_hz: np.ndarray
    loudness_db: np.ndarray
    voiced: np.ndarray
    training: "Training"
    decay_secs: float = 0.0


BOUNDS = {
    "pitch_beyond_50_cents": (0.0, 0.05),
    "loudness_correlation": (0.9, 1.0),
    "loudness_correlation_in_notes": (0.7, 1.0),
    "harmonic_share": (0.7, 1.0),
    "nearer_the_training": (0.8, 1.0),
    "rests_dbfs": (-np.inf, -60.0),
}


def measures(heard, extractor):
    """Return every measure by name; NaN where there is nothing to measure."""
    found = extractor.extract(np.float32(heard.output))
    return {
        "pitch_beyond_50_cents": pitch_beyond_50_cents(heard, found.f0_hz),
        "loudness_correlation": loudness_correlation(heard, found.loudness_db),
        "loudness_correlation_in_notes": loudness_correlation(
            heard, found.loudness_db, in_notes=True
        ),
        "harmonic_share": harmonic_share(heard),
        "nearer_the_training": nearer_the_training(heard),
        "rests_dbfs": rests_dbfs(heard),
    }


def failures(values):
    """Return the measures outside of their bounds."""
    return {
        name: value
        for name, value in values.items()
        if not np.isnan(value) and not BOUNDS[name][0] <= value <= BOUNDS[name][1]
    }


def pitch_beyond_50_cents(heard, f0_hz):
    """Share of voiced frames off by more than 50 cents, whole octaves taken away."""
    n = min(len(f0_hz), len(heard.f0_hz))
    voiced = heard.voiced[:n]
    if not voiced.any():
        return np.nan
    cents = 1200 * np.log2(f0_hz[:n][voiced] / heard.f0_hz[:n][voiced])
    return float(np.mean(np.abs((cents + 600) % 1200 - 600) > 50))


def loudness_correlation(heard, loudness_db, in_notes=False):
    """Correlation of the output's loudness with the conditioning's.

    Over every frame, rests included, or in notes alone: a gate before anything at all
    follows the former.
    """
    n = min(len(loudness_db), len(heard.loudness_db))
    frames = heard.voiced[:n] if in_notes else np.ones(n, bool)
    asked, got = heard.loudness_db[:n][frames], loudness_db[:n][frames]
    if len(asked) < 2 or asked.std() == 0:
        return np.nan
    return float(np.corrcoef(asked, got)[0, 1]) if got.std() else 0.0


def harmonic_share(heard, width_bins=2):
    """Share of the energy of voiced frames that is near a multiple of their pitch."""
    n_fft = 2048
    power = np.abs(librosa.stft(heard.output, n_fft=n_fft, hop_length=HOP)) ** 2
    n = min(power.shape[1], len(heard.f0_hz))
    # A window spans 128 ms: frames within a note have it to themselves.
    inside = _eroded(heard.voiced[:n], n_fft // HOP // 2)
    if not inside.any():
        return np.nan
    bins = np.arange(power.shape[0])[:, np.newaxis] * RATE / n_fft
    f0_hz = heard.f0_hz[:n][inside]
    nearest = np.maximum(np.round(bins / f0_hz), 1) * f0_hz
    # Vibrato widens a partial: its width grows with its frequency.
    width_hz = width_bins * RATE / n_fft + 0.01 * nearest
    near = np.abs(bins - nearest) <= np.minimum(width_hz, f0_hz / 4)
    picked = power[:, :n][:, inside]
    return float((picked * near).sum() / max(picked.sum(), 1e-12))


def nearer_the_training(heard):
    """Share of voiced frames whose timbre is the instrument's, rather than the input's.

    Timbre is MFCC 2 to 13. A frame is compared with the instrument's frames of its
    pitch and with the input's frame of its moment. It must be nearer the instrument,
    and as near as the instrument's own frames are to each other: what is far from both
    is neither.
    """
    output, source = mfcc(heard.output), mfcc(heard.source)
    n = min(output.shape[1], source.shape[1], len(heard.voiced))
    voiced = heard.voiced[:n]
    if not voiced.any():
        return np.nan
    midi = librosa.hz_to_midi(heard.f0_hz[:n][voiced])
    references = np.stack([heard.training.timbre_at(m) for m in np.round(midi)], 1)
    frames = output[:, :n][:, voiced]
    to_training = np.linalg.norm(frames - references, axis=0)
    to_source = np.linalg.norm(frames - source[:, :n][:, voiced], axis=0)
    is_near = to_training <= heard.training.spread()
    return float(np.mean((to_training < to_source) & is_near))


class Training:
    """The timbre of an instrument by pitch, from its recordings.

    Args:
        audio: At 16 kHz, [n_samples].
        extractor: Of features.
    """

    def __init__(self, audio, extractor):
        found = extractor.extract(np.float32(audio))
        timbre = mfcc(audio)
        n = min(timbre.shape[1], len(found.f0_hz))
        loud = found.loudness_db[:n] > found.loudness_db.max() - 40
        notes = loud & (found.f0_confidence[:n] > 0.5)
        self._timbre = timbre[:, :n][:, notes]
        self._midi = librosa.hz_to_midi(found.f0_hz[:n][notes])
        self._known = {}

    def timbre_at(self, midi):
        """Mean over the 250 frames, a second, that are nearest in pitch, [12]."""
        if midi not in self._known:
            nearest = np.argsort(np.abs(self._midi - midi), kind="stable")[:250]
            self._known[midi] = self._timbre[:, nearest].mean(axis=1)
        return self._known[midi]

    def spread(self):
        """Distance from that mean within which 99 % of the instrument's frames lie."""
        means = np.stack([self.timbre_at(m) for m in np.round(self._midi)], axis=1)
        return float(np.quantile(np.linalg.norm(self._timbre - means, axis=0), 0.99))


def rests_dbfs(heard):
    """Level of the loudest rest of the input, once a reverb has decayed, in dBFS."""
    n = min(len(heard.source), len(heard.output)) // HOP
    silent = _frames_dbfs(heard.source, n) < REST_DBFS
    levels = []
    for start, stop in runs(silent):
        first = start + round(heard.decay_secs * RATE / HOP) + 10  # and the release
        if (stop - start) * HOP > REST_SECS * RATE and first + 1 < stop:
            rest = heard.output[first * HOP : (stop - 5) * HOP]
            levels.append(10 * np.log10(np.mean(np.square(rest, dtype=float)) + 1e-15))
    return float(max(levels)) if levels else np.nan


def mfcc(audio):
    """MFCC 2 to 13 of each frame: what does not change with level."""
    found = librosa.feature.mfcc(
        y=np.float32(audio), sr=RATE, n_mfcc=13, n_fft=1024, hop_length=HOP
    )
    return found[1:]


def decay_secs(impulse_response, sample_rate):
    """Seconds after which what is left of a response is 60 dB below all of it."""
    energy = np.cumsum(np.square(impulse_response[::-1], dtype=float))[::-1]
    left = energy > energy[0] * 10 ** (-DECAY_DB / 10)
    return float(np.count_nonzero(left)) / sample_rate


def runs(mask):
    """Start and stop of each run of True."""
    padded = np.concatenate([[False], mask, [False]]).astype(int)
    return zip(
        np.flatnonzero(np.diff(padded) == 1),
        np.flatnonzero(np.diff(padded) == -1),
        strict=True,
    )


def at_16k(audio, sample_rate):
    """Mono at 16 kHz."""
    mono = audio.mean(axis=1) if audio.ndim > 1 else audio
    return soxr.resample(np.float64(mono), sample_rate, RATE, "VHQ").astype(np.float32)


def _frames_dbfs(audio, n):
    frames = np.square(audio[: n * HOP], dtype=float).reshape(n, HOP)
    return 10 * np.log10(frames.mean(1) + 1e-15)


def _eroded(mask, n):
    """Frames whose n neighbours on either side are True as well."""
    return np.convolve(mask, np.ones(2 * n + 1), "same") > 2 * n + 0.5
