"""A model directory as training leaves it, with weights that never trained."""

import numpy as np

from ddsp_core import config, io
from ddsp_core.checkpoints import save
from ddsp_core.nn.keras import ExponentialDecay, LegacyAdam
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import Statistics

SPEC = ExampleSpec(n_frames=250)
SMALL = ["RnnFcDecoder.rnn_channels=8", "Reverb.reverb_length=100"]


def write_model(path):
    """Write it at step 1; return the path."""
    built = config.build(config.load("tiny_instrument", SMALL), SPEC)
    built.build_model()
    optimizer = LegacyAdam(ExponentialDecay(1e-3, 100, 0.98))
    optimizer.apply_gradients([(0 * v, v) for v in built.model.trainable_variables])
    save(built.model, optimizer, path, 1, keep=1)
    io.write_text(path / "operative_config-1.gin", built.operative)
    io.write_json(path / "spec.json", SPEC.to_json())
    n = 500
    statistics = Statistics.of(
        np.geomspace(261.63, 1046.5, n), np.linspace(-45, -15, n), np.ones(n, bool)
    )
    statistics.save(path)
    return path
