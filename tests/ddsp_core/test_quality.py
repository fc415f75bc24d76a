"""`Quality`: counts that merge exactly, and what is read from them."""

import json

import numpy as np
import pytest

from ddsp_core.audio.measures import AudioMeasures
from ddsp_core.errors import DatasetError
from ddsp_core.features.extract import MIN_LOUDNESS_DB, Features, sounding
from ddsp_core.features.octave_jumps import n_octave_jumps
from ddsp_core.quality import Quality, quantile

RATE = 250


def counted(features, measures):
    loud = features.loudness_db >= MIN_LOUDNESS_DB
    return Quality.of(features, measures, loud, sounding(features), RATE)


def made(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    features = Features(
        f0_hz=rng.uniform(100, 900, n).astype(np.float32),
        f0_confidence=np.round(rng.random(n), 2).astype(np.float32),
        loudness_db=np.round(rng.uniform(-80, 0, n), 2).astype(np.float32),
    )
    level = rng.integers(-1200, 0, n).astype(np.int16)
    return features, AudioMeasures(rng.random(n) > 0.9, level)


def test_merged_parts_are_the_whole_in_any_order():
    features, measures = made()
    parts = []
    for start in (0, 300, 700):
        stop = {0: 300, 300: 700, 700: 1000}[start]
        cut = slice(start, stop)
        parts.append(
            counted(
                Features(*(row[cut] for row in vars(features).values())),
                AudioMeasures(measures.polyphonic[cut], measures.level[cut]),
            )
        )
    whole = Quality.merge(parts)
    assert Quality.merge(reversed(parts)) == whole
    assert whole.n_frames == 1000
    loud = features.loudness_db >= -70
    assert whole.n_loud == loud.sum() == sum(whole.loudness.values())
    assert whole.n_polyphonic == (loud & measures.polyphonic).sum()
    note = loud & (features.f0_confidence >= 0.5)
    assert whole.n_sounding == note.sum() == sum(whole.pitch.values())
    assert whole.n_unpitched == whole.n_loud - whole.n_sounding
    assert Quality.merge([]) == Quality()


def test_it_survives_json():
    one = counted(*made())
    assert Quality.from_json(json.loads(json.dumps(one.to_json()))) == one
    with pytest.raises(DatasetError, match="not a quality record"):
        Quality.from_json({"n_frames": 1})


def test_pitches_are_counted_by_half_semitones():
    f0_hz = (440 * 2 ** (np.array([0.0, 0.2, 0.3, 1.0]) / 12)).astype(np.float32)
    features = Features(f0_hz, np.ones(4, np.float32), np.zeros(4, np.float32))
    quiet = AudioMeasures(np.zeros(4, bool), np.full(4, -200, np.int16))
    assert counted(features, quiet).pitch == {138: 2, 139: 1, 140: 1}


def test_level_and_noise_floor_are_those_of_the_frames():
    level = np.repeat(np.array([-1200, -700, -150], np.int16), [100, 100, 800])
    loudness = np.repeat(np.float32([-80, -75, -20]), [100, 100, 800])
    features = Features(np.full(1000, 440, np.float32), np.ones(1000), loudness)
    one = counted(features, AudioMeasures(np.zeros(1000, bool), level))
    assert (one.level_db, one.noise_floor_db) == (-15.0, -70.0)
    assert one.room_secs is None
    alone = Quality(n_frames=1000, rest_level={-40: 4})
    assert alone.noise_floor_db is None  # attacks, no rests
    assert Quality().level_db is None and Quality().noise_floor_db is None


def test_a_quantile_is_numpys_within_a_bin():
    values = np.random.default_rng(0).normal(-30, 8, 5000)
    bins, counts = np.unique(np.rint(values).astype(int), return_counts=True)
    histogram = dict(zip(bins.tolist(), counts.tolist(), strict=True))
    for q in (0.02, 0.25, 0.5, 0.9):
        assert quantile(histogram, q, 1.0) == pytest.approx(
            np.quantile(values, q), abs=1.0
        )


def path(*semitones, n=20):
    """f0 of a path: each pitch for `n` frames, in Hz."""
    return (220 * 2 ** (np.repeat(semitones, n) / 12)).astype(np.float32)


@pytest.mark.parametrize(
    ("f0_hz", "n_jumps"),
    [
        (path(0, 12, 0), 1),
        (path(0, -12, 0, 19, 0, 7, 0), 3),
        (path(0, 12, 0, 12, 0), 2),
        (path(0, 12, 24), 0),  # goes on up
        (path(0, 12, 0, n=40), 0),  # 160 ms: a note
        (path(0, 5, 0, 4, 0, 2, 0), 0),  # trills
        (path(0, 12, 3), 0),  # does not return
    ],
)
def test_octave_jumps_go_there_and_back_at_once(f0_hz, n_jumps):
    assert n_octave_jumps(f0_hz, np.ones(len(f0_hz), bool), RATE) == n_jumps


def test_a_jump_across_a_rest_is_music():
    f0_hz = path(0, 12, 0)
    sounding = np.ones(60, bool)
    sounding[30] = False
    assert n_octave_jumps(f0_hz, sounding, RATE) == 0
