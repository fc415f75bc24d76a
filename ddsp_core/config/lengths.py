"""Lengths and rates come from the spec; a config that disagrees is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ddsp_core.config.names import short_name
from ddsp_core.config.parse import Bindings, plain
from ddsp_core.errors import ConfigError, SpecError
from ddsp_core.spec import ExampleSpec, LoudnessVersion, Padding

Rule = Callable[[ExampleSpec], Any]


def n_synth_samples(spec: ExampleSpec) -> int:
    """Return the samples that synthesizers make: one hop for every frame.

    Where both ends of an example have a frame, that is a hop more than the example
    has; the config then ends in a `Crop`.
    """
    return spec.n_frames * spec.hop_size


_SAMPLES: Final[dict[str, Rule]] = {"n_samples": n_synth_samples}
_RATE: Final[dict[str, Rule]] = {"sample_rate": lambda spec: spec.sample_rate}
_FRAME_RATE: Final[dict[str, Rule]] = {"frame_rate": lambda spec: spec.frame_rate}
_STEPS: Final[dict[str, Rule]] = {"time_steps": lambda spec: spec.n_frames}

# What the spec decides, by full name and parameter.
RULES: Final[dict[str, dict[str, Rule]]] = {
    # Cuts off the hop that synthesizers make beyond an example with centred frames.
    "ddsp.processors.Crop": {"frame_size": lambda spec: spec.hop_size},
    "ddsp.losses.TWMLoss": _RATE,
    "ddsp.spectral_ops.compute_logmel": _RATE,
    "ddsp.synths.Harmonic": _SAMPLES | _RATE,
    "ddsp.synths.FilteredNoise": _SAMPLES,
    "ddsp.synths.Wavetable": _SAMPLES | _RATE,
    "ddsp.synths.Sinusoidal": _SAMPLES | _RATE,
    "ddsp.training.encoders.SinusoidalToHarmonicEncoder": _RATE,
    "ddsp.training.models.InverseSynthesis": _SAMPLES | _RATE,
    "ddsp.training.models.MidiAutoencoder": _SAMPLES | _RATE,
    "ddsp.training.models.ZMidiAutoencoder": _SAMPLES | _RATE,
    "ddsp.training.preprocessing.F0LoudnessPreprocessor": _STEPS | _FRAME_RATE | _RATE,
    "ddsp.training.preprocessing.F0PowerPreprocessor": _STEPS | _FRAME_RATE | _RATE,
    "ddsp.training.preprocessing.OnlineF0PowerPreprocessor": _FRAME_RATE
    | {"padding": lambda spec: str(spec.padding)},
    "ddsp.training.data.TFRecordProvider": _RATE
    | _FRAME_RATE
    | {
        "example_secs": lambda spec: spec.example_secs,
        "centered": lambda spec: spec.padding is Padding.CENTER,
    },
}

HARMONIC: Final = "ddsp.synths.Harmonic"
ONLINE: Final = "ddsp.training.preprocessing.OnlineF0PowerPreprocessor"
PREPROCESSOR: Final = "ddsp.training.preprocessing.F0LoudnessPreprocessor"


def from_spec(name: str, spec: ExampleSpec) -> dict[str, Any]:
    """Return the parameters of `name` that the spec decides."""
    return {parameter: rule(spec) for parameter, rule in RULES.get(name, {}).items()}


def check(bindings: Bindings, spec: ExampleSpec) -> None:
    """Raise `SpecError`, naming both, where a config binds another number."""
    for (_, name), bound in bindings.parameters.items():
        for parameter, needed in from_spec(name, spec).items():
            if parameter not in bound:
                continue
            got = plain(bound[parameter].value, bindings)
            if got != needed:
                raise SpecError(
                    f"{bound[parameter].where}: {short_name(name)}.{parameter} is"
                    f" {got!r}, but the examples' spec makes it {needed!r}"
                    f" ({spec.n_frames} frames of {spec.hop_size} samples at"
                    f" {spec.sample_rate} Hz); remove the line"
                )


def spec_of(bindings: Bindings, where: str) -> ExampleSpec:
    """Derive the spec of a model that Magenta trained from the numbers in its gin.

    Args:
        bindings: Of an operative config.
        where: Names the config in errors.

    Raises:
        ConfigError: It does not bind the numbers that a spec needs.
    """

    def number(name: str, parameter: str) -> int:
        bound = bindings.of(name).get(parameter)
        value = None if bound is None else plain(bound.value, bindings)
        if not isinstance(value, int) or value < 1:
            raise ConfigError(
                f"{where}: {short_name(name)}.{parameter} is {value!r}; without it and"
                " without a spec.json the length of an example is unknown"
            )
        return value

    n_samples, rate = number(HARMONIC, "n_samples"), number(HARMONIC, "sample_rate")
    if bindings.of(ONLINE):  # The frames are as many as the rate and the padding make.
        n_frames = n_samples * number(ONLINE, "frame_rate") // rate
    else:
        n_frames = number(PREPROCESSOR, "time_steps")
    if n_samples % n_frames:
        raise ConfigError(
            f"{where}: Harmonic.n_samples is {n_samples}, no multiple of the"
            f" preprocessor's {n_frames} frames"
        )
    hop = n_samples // n_frames
    # Magenta wrote this parameter only since it redefined loudness (January 2022).
    is_new = "compute_loudness" in bindings.of(PREPROCESSOR) or bool(
        bindings.of(ONLINE)
    )
    crops = bool(bindings.of("ddsp.processors.Crop"))
    return ExampleSpec(
        sample_rate=rate,
        hop_size=hop,
        n_frames=n_frames,
        example_hop=max(1, rate // hop),  # Magenta's default: one second
        padding=Padding.CENTER if crops else Padding.SAME,
        f0="crepe-full-viterbi/1",  # what its preparation and transfer use
        loudness=LoudnessVersion.POWER_2022 if is_new else LoudnessVersion.LEGACY_2020,
    )
