"""Playing in chunks against playing at once."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.errors import ConfigError
from ddsp_core.spec import ExampleSpec
from ddsp_core.synths import FilteredNoise
from ddsp_core.transfer.condition import Conditioning
from ddsp_core.transfer.render import NOISE_SEED, Player
from ddsp_core.transfer.streaming import DecoderStream, NoiseStream
from tests.ddsp_core.transfer.small_instrument import make_model

N_FRAMES = 400  # 1.6 s
SPEC = ExampleSpec(n_frames=N_FRAMES)


@pytest.fixture(scope="module")
def model():
    return make_model(SPEC)


@pytest.fixture(scope="module")
def conditioning():
    t = np.arange(N_FRAMES) / 250
    return Conditioning(
        f0_hz=(300 + 200 * t + 10 * np.sin(30 * t)).astype(np.float32),
        loudness_db=(-40 + 20 * np.sin(5 * t)).astype(np.float32),
        gate=np.clip(1.2 + np.sin(4 * t), 0, 1).astype(np.float32),
    )


@functools.lru_cache
def player_of(model, n_chunk, warm_up_secs=0):
    """Without a warm-up by default: as the model's own call begins."""
    return Player(model, SPEC, n_chunk / SPEC.frame_rate, warm_up_secs)


def play(model, conditioning, n_chunk, n_samples=SPEC.n_samples, warm_up_secs=0):
    player = player_of(model, n_chunk, warm_up_secs)
    return np.concatenate(list(player.render(conditioning, n_samples)))


def at_once(model, conditioning):
    """The model's own call, with an open gate and the player's noise."""
    noise = np.random.default_rng(NOISE_SEED).uniform(-1, 1, [1, SPEC.n_samples])
    features = {
        "f0_hz": conditioning.f0_hz[np.newaxis],
        "loudness_db": conditioning.loudness_db[np.newaxis],
    }
    with randomness.replace_uniform(lambda *args: tf.constant(noise, tf.float32)):
        outputs = tf.function(model)(features, training=False)
    return outputs["audio_synth"].numpy()[0]


@pytest.fixture(scope="module")
def whole(model, conditioning):
    return at_once(model, conditioning)


@pytest.mark.parametrize("n_chunk", [60, 100, 450])
def test_chunks_give_what_the_whole_gives(model, conditioning, whole, n_chunk):
    open_ = dataclasses.replace(conditioning, gate=np.ones(N_FRAMES, np.float32))
    chunked = play(model, open_, n_chunk)
    assert chunked.shape == whole.shape
    assert np.abs(whole).max() > 0.1
    np.testing.assert_allclose(chunked, whole, atol=1e-4 * np.abs(whole).max())


def test_the_gate_does_not_depend_on_chunks_either(model, conditioning):
    one = play(model, conditioning, 450)
    np.testing.assert_allclose(play(model, conditioning, 60), one, atol=2e-4)


@pytest.mark.parametrize("n_samples", [1, 63, 64, 8000, 8001])
def test_any_length_comes_out(model, conditioning, n_samples):
    audio = play(model, conditioning, 100, n_samples)
    whole = play(model, conditioning, 100)
    assert len(audio) == n_samples
    # The last hop differs: there the sound stops, elsewhere it goes on.
    n_same = max(0, n_samples - 192)
    np.testing.assert_allclose(audio[:n_same], whole[:n_same], atol=2e-4)


def test_a_shut_gate_is_silence_and_the_reverb_rings_into_it(model, conditioning):
    gate = np.ones(N_FRAMES, np.float32)
    gate[150:] = 0
    audio = play(model, dataclasses.replace(conditioning, gate=gate), 100)
    assert np.abs(audio[151 * 64 : 155 * 64]).max() > 1e-4
    # After the last sounding hop, the filters' reach and the response, nothing is left.
    assert np.abs(audio[152 * 64 + 9000 :]).max() < 1e-6


def test_after_a_warm_up_a_decoder_is_within_the_note(model, conditioning):
    f0_hz, loudness_db = conditioning.f0_hz, conditioning.loudness_db
    stream = DecoderStream(model)
    longer = stream(*(np.r_[np.repeat(x[0], 50), x] for x in (f0_hz, loudness_db)))
    stream.reset()
    cold = stream(f0_hz, loudness_db)["amps"][:, :5]
    stream.reset()
    stream.warm_up(f0_hz[0], loudness_db[0], 50)
    warm = stream(f0_hz, loudness_db)["amps"]
    np.testing.assert_allclose(warm, longer["amps"][:, 50:], atol=1e-4)
    assert np.abs(cold - warm[:, :5]).max() > 1e-2


def test_only_what_begins_within_a_note_is_warmed_up(model, conditioning):
    gate = np.ones(N_FRAMES, np.float32)
    open_ = dataclasses.replace(conditioning, gate=gate)
    cold, warm = (play(model, open_, 100, warm_up_secs=secs) for secs in (0, 0.4))
    assert np.abs(cold - warm).max() > 1e-3
    gate = gate.copy()
    gate[:50] = 0
    late = dataclasses.replace(conditioning, gate=gate)
    cold, warm = (play(model, late, 100, warm_up_secs=secs) for secs in (0, 0.4))
    np.testing.assert_array_equal(cold, warm)
    assert np.abs(cold[: 64 * 45]).max() < 1e-9 < np.abs(cold[64 * 60 :]).max()


def test_no_frames_at_all_play_as_silence(model):
    nothing = np.zeros(0, np.float32)
    audio = play(model, Conditioning(nothing, nothing, nothing), 100, 40)
    assert audio.shape == (40,) and not audio.any()


def test_a_second_recording_is_not_changed_by_the_first(model, conditioning):
    player = player_of(model, 100)
    first = np.concatenate(list(player.render(conditioning, 20_000)))
    second = np.concatenate(list(player.render(conditioning, 20_000)))
    np.testing.assert_array_equal(first, second)


def test_what_cannot_be_streamed_is_refused_by_name():
    with pytest.raises(ConfigError, match="LSTM"):
        Player(make_model(SPEC, rnn_type="lstm", is_built=False), SPEC)
    with pytest.raises(ConfigError, match="'cubic'"):
        Player(make_model(SPEC, amp_method="cubic"), SPEC)


def test_filters_that_reach_too_far_are_refused():
    noise = NoiseStream(FilteredNoise(64, window_size=0), hop_size=64, seed=0)
    with pytest.raises(ConfigError, match="filters of 798 samples"):
        noise([tf.zeros([1, 20, 400])], tf.ones([1, 20, 1]), 4)
