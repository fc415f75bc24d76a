"""The sample player against sf2utils, librosa's pitch tracker and spectra."""

import io
import logging

import librosa
import numpy as np
import pytest
import scipy.signal

from ddsp_core.errors import AudioError, UsageError
from pipelines.demo import FLUTE, OBOE, soundfont_path
from pipelines.soundfont import Note, load_instrument

RATE = 44_100


@pytest.fixture(scope="module")
def flute():
    pytest.importorskip("pretty_midi", reason="the demo extra is not installed")
    return load_instrument(soundfont_path(), FLUTE)


@pytest.mark.parametrize("program", [FLUTE, OBOE])
def test_zones_are_those_that_sf2utils_reads(program, flute):
    sf2parse = pytest.importorskip("sf2utils.sf2parse")
    logging.disable(logging.WARNING)  # it complains of percussion samples
    font = sf2parse.Sf2File(io.BytesIO(soundfont_path().read_bytes()))
    logging.disable(logging.NOTSET)
    preset = next(p for p in font.presets if (p.bank, p.preset) == (0, program))
    bags = [bag for bag in preset.bags[0].instrument.bags if bag.sample is not None]
    zones = load_instrument(soundfont_path(), program).zones
    assert len(zones) == len(bags)
    for zone, bag in zip(zones, bags, strict=True):
        pcm = np.frombuffer(bag.sample.raw_sample_data, "<i2") / 32768
        np.testing.assert_array_equal(zone.audio, pcm.astype(np.float32))
        assert zone.name == bag.sample.name.rstrip()
        assert list(zone.keys) == bag.key_range
        assert zone.sample_rate == bag.sample.sample_rate
        assert zone.loop == (bag.cooked_loop_start, bag.cooked_loop_end)
        assert zone.release_secs == pytest.approx(bag.volume_envelope_release)


@pytest.mark.parametrize("pitch", [60, 67, 74, 82, 91])
def test_notes_have_the_written_pitch(flute, pitch):
    audio = flute.play([Note(0.1, 0.6, pitch)], RATE)
    audio_16k = librosa.resample(audio, orig_sr=RATE, target_sr=16_000)
    f0_hz, voiced, _ = librosa.pyin(
        audio_16k[3200:9600], fmin=200, fmax=1800, sr=16_000, frame_length=1024
    )
    cents = 1200 * np.log2(f0_hz[voiced] / librosa.midi_to_hz(pitch))
    assert abs(np.median(cents)) < 20
    assert voiced.mean() > 0.9


def test_loops_and_edges_do_not_click(flute):
    """A click is broad-band: it would stand out where a flute has next to nothing."""
    for zone in flute.zones:
        audio = flute.play([Note(0, 3.0, max(60, zone.keys[0]))], RATE)
        freq_hz, secs, stft = scipy.signal.stft(audio, RATE, nperseg=512, noverlap=384)
        power = np.abs(stft) ** 2
        high = power[(freq_hz > 5000) & (freq_hz < 10_000)].sum(axis=0)
        held = (secs > 0.3) & (secs < 2.9)
        assert high[held].max() < 10**1.2 * np.median(high[held])
        assert high.max() < 10**-2.3 * power[:, held].sum(axis=0).mean()


def test_velocity_and_swell_set_the_level(flute):
    def rms_db(note, start_secs=0.2, stop_secs=0.8):
        audio = flute.play([note], RATE)[int(start_secs * RATE) : int(stop_secs * RATE)]
        return 10 * np.log10(np.mean(audio.astype(np.float64) ** 2))

    loud, soft = Note(0, 1, 70, 120), Note(0, 1, 70, 60)
    expected_db = 40 * np.log10(120 / 60)
    assert rms_db(loud) - rms_db(soft) == pytest.approx(expected_db, abs=0.01)
    swelling = Note(0, 1, 70, 120, swell_db=12)
    late = rms_db(swelling, 0.85, 0.95) - rms_db(loud, 0.85, 0.95)
    early = rms_db(swelling, 0.05, 0.15) - rms_db(loud, 0.05, 0.15)
    assert late - early == pytest.approx(0.8 * 12, abs=0.5)


def test_rests_are_exactly_silent_and_the_next_note_ends_the_one_before(flute):
    audio = flute.play([Note(0.0, 0.5, 70), Note(2.0, 0.5, 75)], RATE)
    rest = audio[int(1.2 * RATE) : 2 * RATE]
    assert not rest.any()
    legato = flute.play([Note(0.0, 0.5, 70), Note(0.5, 0.5, 75)], RATE)
    alone = flute.play([Note(0.5, 0.5, 75)], RATE)
    after = slice(int(0.55 * RATE), int(0.9 * RATE))
    np.testing.assert_allclose(legato[after], alone[after], atol=1e-7)


def test_nothing_above_the_nyquist_frequency_folds_back(flute):
    """A note two octaves up at a low rate stays a harmonic series."""
    rate = 16_000
    audio = flute.play([Note(0, 1.0, 94)], rate)[4000:12_000]
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    freq_hz = np.fft.rfftfreq(len(audio), 1 / rate)
    f0_hz = librosa.midi_to_hz(94)
    near = np.abs(freq_hz / f0_hz - np.round(freq_hz / f0_hz)) * f0_hz < 60
    assert power[~near].sum() < 1e-3 * power.sum()


def test_a_file_that_is_no_soundfont_is_refused(tmp_path, flute):
    path = tmp_path / "font.sf2"
    path.write_bytes(b"RIFF\0\0\0\0sfbkLIST")
    with pytest.raises(AudioError, match="not a SoundFont 2 file"):
        load_instrument(path, FLUTE)
    with pytest.raises(AudioError, match="no preset 129"):
        load_instrument(soundfont_path(), 129)
    with pytest.raises(UsageError, match="no sample for pitch 120"):
        flute.play([Note(0, 1, 120)], RATE)
