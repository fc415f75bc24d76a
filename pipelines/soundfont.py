"""A small player of SoundFont 2 samples: real recorded notes at any pitch and level.

It reads the parts of the format that a solo instrument needs (key and velocity
zones, root key, tuning, loop, attenuation, volume envelope) and plays one note at
a time. Filters, modulators and effects of the format are left out: the demo wants
the recorded sound as it is.

Source: SoundFont Technical Specification 2.04 (E-mu, 2006), sections 7 and 8.1.
"""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ddsp_core import io
from ddsp_core.errors import AudioError, UsageError

# Generators (section 8.1.2) that this player knows, by their number in the file.
_ATTACK, _HOLD, _DECAY, _SUSTAIN, _RELEASE = 34, 35, 36, 37, 38
_INSTRUMENT, _KEY_RANGE, _VELOCITY_RANGE, _SAMPLE = 41, 43, 44, 53
_ATTENUATION, _COARSE_TUNE, _FINE_TUNE, _SAMPLE_MODES, _ROOT_KEY = 48, 51, 52, 54, 58
_DEFAULTS: Final = {
    **dict.fromkeys((_ATTACK, _HOLD, _DECAY, _RELEASE), -12000),  # timecents: 1 ms
    **dict.fromkeys((_SUSTAIN, _ATTENUATION, _COARSE_TUNE, _FINE_TUNE), 0),
    _SAMPLE_MODES: 0,
}
# What a preset adds to its instruments; the rest of a preset's zone selects.
_ADDITIVE: Final = (
    *range(_ATTACK, _RELEASE + 1),
    _ATTENUATION,
    _COARSE_TUNE,
    _FINE_TUNE,
)
_WHOLE_RANGE: Final = 0x7F00  # low byte first: keys or velocities 0 to 127
_FLOOR_DB: Final = 100.0  # the envelope's decay and release times span 100 dB
_LEGATO_SECS: Final = 0.04  # fade of a note into the one that follows without a rest
_GUARD_SAMPLES: Final = 64  # of the sample, so that the resampler's edge stays unheard

_BAG: Final = "<u2 generator, <u2 modulator"
_GENERATOR: Final = "<u2 operator, <i2 amount"
_RECORDS: Final = {
    "phdr": "S20 name, <u2 program, <u2 bank, <u2 bag, <u4 library, <u4 genre,"
    " <u4 form",
    "pbag": _BAG,
    "pgen": _GENERATOR,
    "inst": "S20 name, <u2 bag",
    "ibag": _BAG,
    "igen": _GENERATOR,
    "shdr": "S20 name, <u4 start, <u4 end, <u4 loop_start, <u4 loop_end, <u4 rate,"
    " u1 root_key, i1 correction_cents, <u2 link, <u2 kind",
}


@dataclasses.dataclass(frozen=True)
class Note:
    """One written note.

    Args:
        onset_secs: Start, in seconds.
        duration_secs: Until the release begins, in seconds.
        midi_pitch: 69 is A4, 440 Hz.
        velocity: 1 to 127.
        swell_db: Level at the note's end relative to its start, in dB.
    """

    onset_secs: float
    duration_secs: float
    midi_pitch: int
    velocity: int = 90
    swell_db: float = 0.0

    @property
    def end_secs(self) -> float:
        """Where the release begins, in seconds."""
        return self.onset_secs + self.duration_secs


@dataclasses.dataclass(frozen=True)
class Zone:
    """A recorded sample with the keys and velocities that it serves.

    Args:
        name: The sample's name in the file.
        keys: Lowest and highest MIDI pitch.
        velocities: Lowest and highest velocity.
        audio: The recording, [n_samples] float32.
        sample_rate: In Hz.
        root_midi: Pitch of the recording played unchanged, tuning included.
        loop: First and one-past-last sample of the sustained part; None: no loop.
        level_db: Gain of the zone.
        attack_secs, hold_secs, decay_secs, sustain_db, release_secs: Envelope.
    """

    name: str
    keys: tuple[int, int]
    velocities: tuple[int, int]
    audio: np.ndarray
    sample_rate: int
    root_midi: float
    loop: tuple[int, int] | None
    level_db: float
    attack_secs: float
    hold_secs: float
    decay_secs: float
    sustain_db: float
    release_secs: float


@dataclasses.dataclass(frozen=True)
class Instrument:
    """A preset of a soundfont: its name and zones."""

    name: str
    zones: tuple[Zone, ...]

    def play(self, notes: Sequence[Note], sample_rate: int) -> np.ndarray:
        """Play a melody, one note at a time; the next note ends the one before.

        Args:
            notes: By ascending onset.
            sample_rate: Of the result, in Hz.

        Returns:
            Audio, [n_samples] float32, up to the end of the last release. Between
            notes that are further apart than their release it is exactly zero.

        Raises:
            UsageError: A note lies outside of every zone.
        """
        nexts = [note.onset_secs for note in notes[1:]] + [np.inf]
        pieces = [
            (round(note.onset_secs * sample_rate), self._note(note, next_, sample_rate))
            for note, next_ in zip(notes, nexts, strict=True)
        ]
        n_samples = max((start + len(piece) for start, piece in pieces), default=0)
        audio = np.zeros(n_samples, np.float32)
        for start, piece in pieces:
            audio[start : start + len(piece)] += piece
        return audio

    def _note(self, note: Note, next_secs: float, sample_rate: int) -> np.ndarray:
        """Play one note that fades fast if the next one starts within its release."""
        zones = [
            zone
            for zone in self.zones
            if zone.keys[0] <= note.midi_pitch <= zone.keys[1]
            and zone.velocities[0] <= note.velocity <= zone.velocities[1]
        ]
        if not zones:
            raise UsageError(
                f"{self.name!r} has no sample for pitch {note.midi_pitch} at velocity"
                f" {note.velocity}; its keys are {[zone.keys for zone in self.zones]}"
            )
        parts = [_play_zone(zone, note, next_secs, sample_rate) for zone in zones]
        mixed = np.zeros(max(map(len, parts)))
        for part in parts:
            mixed[: len(part)] += part
        return mixed


def load_instrument(path: str | os.PathLike[str], program: int) -> Instrument:
    """Read one melodic preset (bank 0) of a soundfont.

    Args:
        path: An `.sf2` file.
        program: General MIDI number from 0; 73 is the flute.

    Raises:
        AudioError: It is not a soundfont, or has no such preset.
    """
    data = io.local_path(path).read_bytes()
    try:
        chunks = dict(_chunks(data))
        tables = {
            name: np.frombuffer(chunks[name], _dtype(fields))
            for name, fields in _RECORDS.items()
        }
        samples = np.frombuffer(chunks["smpl"], "<i2")
    except (KeyError, ValueError, struct.error) as error:
        raise AudioError(f"{path}: not a SoundFont 2 file ({error!r})") from error
    presets = tables["phdr"]
    found = np.flatnonzero(
        (presets["bank"][:-1] == 0) & (presets["program"][:-1] == program)
    )
    if not len(found):
        raise AudioError(f"{path}: has no preset {program} in bank 0")
    zones = tuple(_zones(tables, samples, int(found[0])))
    return Instrument(_text(presets[found[0]]["name"]), zones)


def _dtype(record: str) -> np.dtype[Any]:
    """Turn "TYPE NAME, TYPE NAME" into the layout of a table's rows."""
    pairs = (field.split() for field in record.split(","))
    return np.dtype([(name, kind) for kind, name in pairs])


def _chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the leaf chunks of a RIFF file, by name."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise ValueError(f"it starts with {data[:12]!r}")
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        if name == b"LIST":
            position += 12  # go into the list: its leaves follow
            continue
        yield name.decode("latin-1"), data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2


def _zones(
    tables: Mapping[str, np.ndarray], samples: np.ndarray, preset: int
) -> Iterator[Zone]:
    """Yield the zones of a preset: its own and its instruments' settings joined."""
    for outer in _bags(tables, "p", tables["phdr"], preset, _INSTRUMENT):
        for inner in _bags(tables, "i", tables["inst"], outer[_INSTRUMENT], _SAMPLE):
            settings = _DEFAULTS | inner
            for operator in _ADDITIVE:
                settings[operator] += outer.get(operator, 0)
            yield _zone(settings, outer, tables["shdr"][inner[_SAMPLE]], samples)


def _bags(
    tables: Mapping[str, np.ndarray],
    level: str,
    owners: np.ndarray,
    index: int,
    target: int,
) -> Iterator[dict[int, int]]:
    """Yield the generators of each zone of an owner, its global zone's below them."""
    starts, generators = tables[f"{level}bag"]["generator"], tables[f"{level}gen"]
    common: dict[int, int] = {}
    for bag in range(owners["bag"][index], owners["bag"][index + 1]):
        rows = generators[starts[bag] : starts[bag + 1]]
        own = dict(zip(rows["operator"].tolist(), rows["amount"].tolist(), strict=True))
        if target in own:
            yield common | own
        elif bag == owners["bag"][index]:  # only a first bag without target is global
            common = own


def _zone(
    settings: Mapping[int, int],
    outer: Mapping[int, int],
    header: np.void,
    samples: np.ndarray,
) -> Zone:
    """Turn the file's numbers into a zone with units."""
    root = settings.get(_ROOT_KEY, -1)
    root = int(header["root_key"]) if root < 0 else root
    cents = 100 * settings[_COARSE_TUNE] + settings[_FINE_TUNE]
    start = int(header["start"])
    loop = (int(header["loop_start"]) - start, int(header["loop_end"]) - start)
    return Zone(
        name=_text(header["name"]),
        keys=_range(settings, outer, _KEY_RANGE),
        velocities=_range(settings, outer, _VELOCITY_RANGE),
        audio=samples[start : int(header["end"])].astype(np.float32) / 32768,
        sample_rate=int(header["rate"]),
        root_midi=root - (cents + int(header["correction_cents"])) / 100,
        loop=loop if settings[_SAMPLE_MODES] & 1 and loop[1] > loop[0] else None,
        level_db=-settings[_ATTENUATION] / 10,
        attack_secs=_seconds(settings[_ATTACK]),
        hold_secs=_seconds(settings[_HOLD]),
        decay_secs=_seconds(settings[_DECAY]),
        sustain_db=-min(max(settings[_SUSTAIN] / 10, 0.0), _FLOOR_DB),
        release_secs=_seconds(settings[_RELEASE]),
    )


def _range(
    inner: Mapping[int, int], outer: Mapping[int, int], which: int
) -> tuple[int, int]:
    """Return the keys or velocities that both levels let through."""
    a, b = (level.get(which, _WHOLE_RANGE) for level in (inner, outer))
    return max(a & 0xFF, b & 0xFF), min(a >> 8, b >> 8)


def _seconds(timecents: int) -> float:
    return float(2.0 ** (timecents / 1200))


def _text(name: bytes) -> str:
    return name.decode("latin-1").partition("\0")[0].rstrip()


def _play_zone(
    zone: Zone, note: Note, next_secs: float, sample_rate: int
) -> np.ndarray:
    """Play a note from one recording: pitch, level, envelope."""
    release_secs = zone.release_secs
    if next_secs < note.end_secs + release_secs:
        release_secs = min(release_secs, max(_LEGATO_SECS, next_secs - note.end_secs))
    n_samples = round((note.duration_secs + release_secs) * sample_rate)
    ratio = 2.0 ** ((note.midi_pitch - zone.root_midi) / 12)
    pitched = _at_rate(zone, zone.sample_rate * ratio, sample_rate, n_samples)
    gain_db = zone.level_db + 40 * np.log10(note.velocity / 127)  # section 8.4.1
    return (
        pitched
        * _envelope(zone, note, release_secs, sample_rate, n_samples)
        * (10 ** (gain_db / 20))
    )


def _at_rate(zone: Zone, rate_in: float, rate_out: int, n_samples: int) -> np.ndarray:
    """Resample the looped recording, band-limited, to [n_samples]."""
    import soxr

    n_in = int(np.ceil(n_samples * rate_in / rate_out)) + _GUARD_SAMPLES
    source = zone.audio
    if zone.loop is not None:
        first, last = zone.loop
        n_loops = max(0, -(-(n_in - first) // (last - first)))
        source = np.concatenate([source[:first], np.tile(source[first:last], n_loops)])
    source = np.concatenate([source[:n_in], np.zeros(max(0, n_in - len(source)))])
    return soxr.resample(source.astype(np.float64), rate_in, rate_out, "VHQ")[
        :n_samples
    ]


def _envelope(
    zone: Zone, note: Note, release_secs: float, sample_rate: int, n_samples: int
) -> np.ndarray:
    """Return the gain of every sample: linear attack, then straight lines in dB."""
    t = np.arange(n_samples) / sample_rate
    decay_start = zone.attack_secs + zone.hold_secs
    points = (decay_start, decay_start - zone.sustain_db / _FLOOR_DB * zone.decay_secs)
    level_db = np.interp(t, points, (0.0, zone.sustain_db))
    level_db += note.swell_db * np.clip(t / note.duration_secs, 0, 1)
    level_db -= _FLOOR_DB * np.clip((t - note.duration_secs) / release_secs, 0, 1)
    return np.clip(t / zone.attack_secs, 0, 1) * 10 ** (level_db / 20)
