import numpy as np
import pytest
from scipy import ndimage, stats

from ddsp_core.errors import DatasetError, ShapeError, UsageError
from ddsp_core.training.postprocessing import (
    QuantileTransformer,
    compute_dataset_statistics,
    detect_notes,
    fit_quantile_transform,
    smooth,
)

RNG = np.random.default_rng(7)


@pytest.mark.parametrize("filter_size", [1, 3, 4, 41])
def test_smoothing_is_scipys_uniform_filter(filter_size):
    x = RNG.normal(size=(2, 100)).astype(np.float32)
    origin = -1 if filter_size % 2 == 0 else 0
    truth = ndimage.uniform_filter1d(
        x.astype(np.float64), filter_size, mode="constant", origin=origin
    )
    got = smooth(x, filter_size)
    np.testing.assert_allclose(got, truth, atol=1e-6)
    np.testing.assert_array_equal(smooth(x[0], filter_size), got[0])
    assert got.dtype == np.float32


def test_smoothing_refuses_other_shapes():
    with pytest.raises(ShapeError, match=r"\(2, 3, 4\)"):
        smooth(np.zeros((2, 3, 4)))


def test_notes_are_where_it_is_loud_and_sure():
    loudness_db = np.full([1, 300], -60.0, np.float32)
    confidence = np.full([1, 300], 0.1, np.float32)
    loudness_db[:, 100:200], confidence[:, 100:200] = -20.0, 0.95
    is_note, ratio = detect_notes(loudness_db, confidence)
    assert is_note[0, 120:180].all()
    assert not is_note[0, :95].any() and not is_note[0, 205:].any()
    expected = 0.95**2 * 60 / (0.7**2 * (80 + loudness_db.mean()))
    assert ratio[0, 150] == pytest.approx(expected, rel=1e-5)


def test_nothing_sounds_in_silence():
    is_note, ratio = detect_notes(np.full([2, 50], -80.0), np.ones([2, 50]))
    assert not is_note.any() and np.isfinite(ratio).all()


@pytest.mark.parametrize("output", ["uniform", "normal"])
def test_quantiles_are_those_of_the_distribution(output):
    x = np.sort(RNG.normal(size=(5001, 1)), axis=0)
    transformer = QuantileTransformer(output_distribution=output)
    got = transformer.fit_transform(x)[1:-1, 0]
    ranks = np.arange(1, 5000) / 5000
    truth = stats.norm.ppf(ranks) if output == "normal" else ranks
    inner = slice(50, -50)
    np.testing.assert_allclose(got[inner], truth[inner], atol=2e-2)
    back = transformer.inverse_transform(transformer.transform(x))
    np.testing.assert_allclose(back[100:-100], x[100:-100], atol=2e-3)
    np.testing.assert_allclose(
        transformer.transform([[-9.0], [9.0], [np.nan]]).ravel()[2], np.nan
    )


def test_beyond_what_was_seen_lie_the_ends():
    transformer = QuantileTransformer(n_quantiles=10).fit(np.arange(100.0)[:, None])
    ends = transformer.transform([[-1e3], [0.0], [99.0], [1e3]])
    assert ends.ravel().tolist() == [0.0, 0.0, 1.0, 1.0]
    assert transformer.inverse_transform(ends).ravel().tolist() == [
        0.0,
        0.0,
        99.0,
        99.0,
    ]


def test_repeated_values_have_the_middle_of_their_quantiles():
    x = np.array([0.0] * 25 + [1.0] * 50 + [2.0] * 25)[:, None]
    transformer = QuantileTransformer(n_quantiles=101).fit(x)
    assert transformer.transform([[1.0]])[0, 0] == pytest.approx(0.5, abs=0.01)


def test_of_many_values_the_same_ranks_are_taken_every_time():
    x = RNG.permutation(10001.0 * np.linspace(0, 1, 10001) ** 2)[:, None]
    few = QuantileTransformer(100, subsample=1000).fit(x)
    again = QuantileTransformer(100, subsample=1000).fit(RNG.permutation(x))
    all_ = QuantileTransformer(100, subsample=10**6).fit(x)
    np.testing.assert_array_equal(few.quantiles_, again.quantiles_)
    np.testing.assert_allclose(few.quantiles_, all_.quantiles_, atol=15.0)


def test_what_cannot_be_transformed_is_refused():
    with pytest.raises(UsageError, match="n_quantiles is 0"):
        QuantileTransformer(0).fit(np.zeros((3, 1)))
    with pytest.raises(UsageError, match="'cauchy'"):
        QuantileTransformer(output_distribution="cauchy")
    with pytest.raises(UsageError, match="call fit first"):
        QuantileTransformer().transform(np.zeros((3, 1)))
    with pytest.raises(ShapeError, match="1 features"):
        QuantileTransformer().fit(np.zeros((3, 1))).transform(np.zeros((3, 2)))
    with pytest.raises(ShapeError, match="needed equal shapes"):
        fit_quantile_transform(np.zeros((2, 3)), np.zeros((2, 4)))


def test_loudness_takes_on_the_distribution_of_another_dataset():
    loud, soft = RNG.uniform(-20, 0, (2, 500)), RNG.uniform(-60, -40, (2, 500))
    mask = np.ones(loud.shape, bool)
    mask[:, :100] = False
    target = fit_quantile_transform(loud, mask)
    _, matched = fit_quantile_transform(soft, mask, inv_quantile=target)
    matched = matched.reshape(soft.shape)
    np.testing.assert_array_equal(matched[~mask], soft[~mask])
    np.testing.assert_allclose(
        np.quantile(matched[mask], [0.1, 0.5, 0.9]),
        np.quantile(loud[mask], [0.1, 0.5, 0.9]),
        atol=0.1,
    )


class Provider:
    """Examples of 4 s at a frame rate; each is one note after a rest."""

    def __init__(self, n_examples, frame_rate):
        self.n_examples, self.n_frames = n_examples, 4 * frame_rate

    def get_batch(self, batch_size, repeats):
        assert repeats == 1
        for first in range(0, self.n_examples, batch_size):
            yield {
                k: np.stack([v] * batch_size) for k, v in self.example(first).items()
            }

    def example(self, i):
        sounds = np.arange(self.n_frames) >= self.n_frames // 2
        audible = np.arange(64000) >= 32000
        tone = np.sin(2 * np.pi * 440 * np.arange(64000) / 16000) * audible * 0.5
        return {
            "audio": tone.astype(np.float32),
            "loudness_db": np.where(sounds, -20.0 + i, -75.0).astype(np.float32),
            "f0_hz": np.where(sounds, 440.0, 55.0).astype(np.float32),
            "f0_confidence": np.where(sounds, 0.95, 0.05).astype(np.float32),
        }


@pytest.mark.parametrize("frame_rate", [50, 250])
def test_statistics_of_notes_leave_out_the_rests(frame_rate):
    statistics = compute_dataset_statistics(Provider(4, frame_rate), batch_size=2)
    assert len(statistics) == 6 * 6 + 1
    assert statistics["min_pitch"] == pytest.approx(33.0, abs=1e-3)
    assert statistics["max_pitch_note"] == pytest.approx(69.0, abs=1e-3)
    assert statistics["max_loudness"] == statistics["max_loudness_note"] == -18.0
    assert statistics["mean_max_loudness_note"] == -19.0
    level = 20 * np.log10(0.5 / np.sqrt(2))
    assert statistics["max_power_note"] == pytest.approx(level, abs=0.1)
    assert statistics["mean_power_note"] > statistics["mean_power"] + 10
    transformer = statistics["quantile_transform"]
    assert transformer.quantiles_[-1, 0] == -18.0


def test_a_dataset_without_a_note_counts_as_a_whole():
    provider = Provider(1, 50)
    silent = provider.example(0) | {"f0_confidence": np.zeros(200, np.float32)}
    provider.example = lambda i: silent
    statistics = compute_dataset_statistics(provider)
    assert statistics["mean_pitch_note"] == statistics["mean_pitch"]


def test_an_empty_dataset_is_refused():
    with pytest.raises(DatasetError, match="no example"):
        compute_dataset_statistics(Provider(0, 50))
