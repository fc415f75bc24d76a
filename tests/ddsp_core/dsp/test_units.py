import librosa
import numpy as np
import pytest

from ddsp_core.dsp import units


def test_known_notes_have_their_frequencies():
    np.testing.assert_allclose(
        units.midi_to_hz([60.0, 69.0, 81.0]), [261.6256, 440.0, 880.0], rtol=1e-6
    )


def test_pitch_is_that_of_librosa():
    frequencies_hz = np.geomspace(20, 8000, 500)
    expected = librosa.hz_to_midi(frequencies_hz)
    np.testing.assert_allclose(units.hz_to_midi(frequencies_hz), expected, atol=2e-4)


def test_no_frequency_is_pitch_zero_and_back_if_wished():
    assert units.hz_to_midi([0.0]).numpy().tolist() == [0.0]
    assert units.midi_to_hz([0.0], midi_zero_silence=True).numpy().tolist() == [0.0]


@pytest.mark.parametrize(
    "there,back,values",
    [
        (units.hz_to_midi, units.midi_to_hz, [30.0, 440.0, 7000.0]),
        (units.hz_to_mel, units.mel_to_hz, [30.0, 440.0, 7000.0]),
        (units.hz_to_bark, units.bark_to_hz, [30.0, 440.0, 7000.0]),
        (units.amplitude_to_db, units.db_to_amplitude, [1e-3, 0.5, 1.0]),
        (units.power_to_db, units.db_to_power, [1e-6, 0.5, 1.0]),
    ],
)
def test_there_and_back_is_where_it_was(there, back, values):
    values = np.array(values, np.float32)
    np.testing.assert_allclose(back(there(values)), values, rtol=2e-4)


def test_levels_stop_at_the_range():
    assert float(units.power_to_db(np.float32(0.0))) == -80.0
    assert units.power_to_db(np.float32(0.0), range_db=40.0, use_tf=False) == -40.0


def test_the_middle_of_the_unit_interval_is_the_geometric_mean_frequency():
    middle = float(units.unit_to_hz(0.5, 100.0, 400.0))
    assert middle == pytest.approx(200.0, rel=1e-4)
    assert float(units.hz_to_unit(900.0, 100.0, 400.0, clip=True)) == 1.0
