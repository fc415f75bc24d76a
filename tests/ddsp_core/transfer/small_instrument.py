"""A small instrument with strong, random weights and a loud reverb."""

import numpy as np

from ddsp_core.effects import Reverb
from ddsp_core.models.autoencoder import Autoencoder
from ddsp_core.nn.decoders import RnnFcDecoder
from ddsp_core.nn.preprocessing import F0LoudnessPreprocessor
from ddsp_core.processors import Add, ProcessorGroup
from ddsp_core.synths import FilteredNoise, Harmonic


def make_model(spec, rnn_type="gru", amp_method="window", is_built=True):
    """Return it; without variables if not `is_built`."""
    splits = (
        ("amps", 1),
        ("harmonic_distribution", 20),
        ("noise_magnitudes", 65),
    )
    dag = [
        (
            Harmonic(spec.n_samples, spec.sample_rate, amp_resample_method=amp_method),
            ["amps", "harmonic_distribution", "f0_hz"],
        ),
        (
            FilteredNoise(spec.n_samples, 0, initial_bias=-1.0),
            ["noise_magnitudes"],
        ),
        (Add(), ["filtered_noise/signal", "harmonic/signal"]),
        (Reverb(trainable=True, reverb_length=9000), ["add/signal"]),
    ]
    model = Autoencoder(
        preprocessor=F0LoudnessPreprocessor(
            spec.n_frames, spec.frame_rate, spec.sample_rate, compute_loudness=False
        ),
        decoder=RnnFcDecoder(
            rnn_channels=24,
            rnn_type=rnn_type,
            ch=24,
            layers_per_stack=1,
            input_keys=("ld_scaled", "f0_scaled"),
            output_splits=splits,
        ),
        processor_group=ProcessorGroup(dag),
    )
    if not is_built:
        return model
    model.build_from_spec(spec)
    rng = np.random.default_rng(3)
    weights = [rng.normal(0, 0.5, w.shape) for w in model.get_weights()]
    weights[-1] = rng.normal(0, 0.03, 9000) * np.exp(-np.arange(9000) / 2000)
    model.set_weights(weights)
    return model
