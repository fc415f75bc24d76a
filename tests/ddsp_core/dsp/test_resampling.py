import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.dsp.resampling import resample, upsample_with_windows
from ddsp_core.errors import ShapeError, UsageError

FRAMES = np.random.default_rng(0).normal(size=(2, 10, 3)).astype(np.float32)


def test_linear_is_numpy_interpolation_with_the_last_frame_held():
    time = np.arange(160) / 16
    expected = np.interp(time, np.arange(10), FRAMES[0, :, 1])
    np.testing.assert_allclose(resample(FRAMES, 160)[0, :, 1], expected, atol=1e-5)


def test_without_an_endpoint_the_last_frame_is_the_last_sample():
    for method in ("linear", "cubic", "nearest"):
        got = resample(FRAMES, 46, method, add_endpoint=False).numpy()
        np.testing.assert_allclose(got[:, [0, -1]], FRAMES[:, [0, -1]], atol=1e-5)


def test_windows_are_overlapping_hann_windows_added_up():
    hop_size = 16
    window = tf.signal.hann_window(2 * hop_size).numpy()
    held = np.concatenate([FRAMES, FRAMES[:, -1:]], axis=1)
    added = np.zeros([2, 12 * hop_size, 3])
    for k in range(11):
        part = slice(k * hop_size, (k + 2) * hop_size)
        added[:, part] += held[:, k : k + 1] * window[:, np.newaxis]
    expected = added[:, hop_size:-hop_size]
    np.testing.assert_allclose(resample(FRAMES, 160, "window"), expected, atol=1e-6)


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic", "window"])
def test_a_constant_stays_constant(method):
    got = resample(np.full([1, 10, 1], 3.0), 160, method)
    np.testing.assert_allclose(got, 3.0, rtol=1e-6)


@pytest.mark.parametrize("shape", [[10], [2, 10], [2, 10, 3], [2, 10, 4, 3]])
def test_every_rank_keeps_its_other_axes(shape):
    got = resample(np.zeros(shape), 40)
    time_axis = 0 if len(shape) == 1 else 1
    assert got.shape == [40 if i == time_axis else n for i, n in enumerate(shape)]


def test_what_windows_cannot_do_is_refused():
    for n_samples in (73, 5, 10):
        with pytest.raises(ShapeError, match="'window' needs"):
            upsample_with_windows(FRAMES, n_samples)
    with pytest.raises(UsageError, match="nearest, linear, cubic, window"):
        resample(FRAMES, 20, "quadratic")


@pytest.mark.parametrize("add_endpoint", [True, False])
@pytest.mark.parametrize("n_samples", [160, 95, 5, 1])
def test_a_compiled_function_interpolates_the_same(n_samples, add_endpoint):
    args = (FRAMES, n_samples, "linear", add_endpoint)
    compiled = tf.function(lambda: resample(*args), jit_compile=True)()
    np.testing.assert_allclose(compiled, resample(*args), atol=1e-6)


def test_a_compiled_function_refuses_cubic_interpolation():
    with pytest.raises(UsageError, match="'cubic'"):
        tf.function(lambda: resample(FRAMES, 20, "cubic"), jit_compile=True)()
