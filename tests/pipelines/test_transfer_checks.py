"""The checks of a transfer let a real instrument pass, and nothing that is none.

The positive control needs no training: the flute that plays the oboe's melody is
what a perfect transfer would sound like.
"""

import numpy as np
import pytest

from ddsp_core.features.extract import FeatureExtractor
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import Statistics
from ddsp_core.transfer.condition import condition
from ddsp_core.transfer.options import TransferOptions
from ddsp_core.transfer.pitch import midi_to_hz
from ddsp_core.transfer.render import Player
from pipelines import demo
from pipelines.soundfont import load_instrument
from tests import transfer_checks as checks

RATE = checks.RATE


@pytest.fixture(scope="module")
def extractor():
    return FeatureExtractor()


def saints(transpose=0):
    """Slower than the demo's: two instruments agree in notes, not in note changes."""
    return demo.melody(demo.SAINTS[:11], 0.7, transpose, dynamics=(70, 120))


@pytest.fixture(scope="module")
def scene(extractor):
    """An oboe's phrase, its conditioning for a flute, and the flute itself."""
    pytest.importorskip("pretty_midi", reason="the demo extra is not installed")
    font = demo.soundfont_path()
    flute = load_instrument(font, demo.FLUTE)
    source = load_instrument(font, demo.OBOE).play(saints(), RATE)
    melodies = demo.flute()
    played_before = [flute.play(melodies[n], RATE) for n in ("scales", "greensleeves")]
    training = checks.Training(np.concatenate(played_before), extractor)
    n = 1000
    statistics = Statistics.of(
        midi_to_hz(np.linspace(62, 88, n)), np.linspace(-30, -5, n), np.ones(n, bool)
    )
    features = extractor.extract(source)
    played, fit = condition(features, ExampleSpec(), statistics, TransferOptions())
    assert fit.octaves == 1
    notes = (played.gate == 1) & (features.f0_confidence >= 0.5)

    def heard(output):
        return checks.Heard(
            source, output, played.f0_hz, played.loudness_db, notes, training
        )

    return heard, played, flute


def test_the_instrument_itself_passes(scene, extractor):
    heard, _, flute = scene
    flute_audio = flute.play(saints(transpose=12), RATE)
    values = checks.measures(heard(flute_audio), extractor)
    assert not np.isnan(list(values.values())).any()
    assert checks.failures(values) == {}


def test_a_sine_fails(scene, extractor):
    heard, played, _ = scene
    n = len(played.f0_hz) * checks.HOP
    sine = 0.1 * np.sin(2 * np.pi * 440 * np.arange(n) / RATE)
    measured = checks.measures(heard(sine.astype(np.float32)), extractor)
    failed = checks.failures(measured)
    assert {"pitch_beyond_50_cents", "loudness_correlation", "rests_dbfs"} <= set(
        failed
    )


def test_noise_fails(scene, extractor):
    heard, played, _ = scene
    noise = np.random.default_rng(0).normal(0, 0.1, len(played.f0_hz) * checks.HOP)
    failed = checks.failures(
        checks.measures(heard(noise.astype(np.float32)), extractor)
    )
    assert {"pitch_beyond_50_cents", "harmonic_share", "rests_dbfs"} <= set(failed)


def test_an_untrained_model_fails(scene, extractor):
    from ddsp_core import config

    heard, played, _ = scene
    built = config.build(config.load("tiny_instrument"), ExampleSpec())
    built.build_model()
    n = len(played.f0_hz) * checks.HOP
    audio = np.concatenate(list(Player(built.model, built.spec).render(played, n)))
    failed = checks.failures(checks.measures(heard(audio), extractor))
    assert {"loudness_correlation_in_notes", "nearer_the_training"} <= set(failed)
