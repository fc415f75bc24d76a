import numpy as np

from ddsp_core.dsp.scaling import exp_sigmoid, log_scale, soft_limit, sym_exp_sigmoid


def test_amplitudes_lie_between_their_bounds():
    x = np.linspace(-100, 100, 1001)
    y = exp_sigmoid(x).numpy()
    assert (y >= 1e-7).all() and (y <= 2.0 + 1e-6).all() and (np.diff(y) >= 0).all()


def test_amplitudes_are_the_published_formula():
    x = np.linspace(-8, 8, 100)
    expected = 2.0 * (1 / (1 + np.exp(-x))) ** np.log(10) + 1e-7
    np.testing.assert_allclose(exp_sigmoid(x), expected, rtol=1e-5)


def test_the_symmetrical_form_is_symmetrical():
    x = np.linspace(0, 4, 50)
    np.testing.assert_array_equal(sym_exp_sigmoid(x), sym_exp_sigmoid(-x))


def test_log_scale_has_its_ends_and_the_geometric_mean():
    got = log_scale([-1.0, 0.0, 1.0], 10.0, 1000.0)
    np.testing.assert_allclose(got, [10.0, 100.0, 1000.0], rtol=1e-5)


def test_soft_limit_limits():
    got = soft_limit(np.float32([-50.0, 0.5, 50.0]), 0.0, 1.0).numpy()
    np.testing.assert_allclose(got, [0.0, 0.5, 1.0], atol=1e-5)
