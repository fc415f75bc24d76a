"""Processors: inputs become controls, controls become a signal; and their groups."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dags import DAG, DAGLayer, TensorDict
from ddsp_core.dsp.checks import check_broadcast
from ddsp_core.dsp.resampling import resample
from ddsp_core.errors import ShapeError, UsageError
from ddsp_core.nn.keras import Layer


class Processor(Layer):
    """Base of synthesizers and effects.

    `get_controls` turns network outputs into physical controls, `get_signal` turns
    those into audio, and calling the processor does both.

    Args:
        name: Its key in outputs and in checkpoints.
        trainable: Whether it has variables of its own.
    """

    def __init__(self, name: str, trainable: bool = False) -> None:
        super().__init__(name=name, trainable=trainable, autocast=False)

    def call(
        self, *args: tf.Tensor, return_outputs_dict: bool = False, **kwargs: Any
    ) -> Any:
        """Return the signal, or {'signal', 'controls'} if `return_outputs_dict`."""
        kwargs = {k: v for k, v in kwargs.items() if k not in ("training", "mask")}
        controls = self.get_controls(*args, **kwargs)
        return _outputs(self._signal_of(controls), controls, return_outputs_dict)

    def get_controls(self, *args: tf.Tensor, **kwargs: tf.Tensor) -> dict[str, Any]:
        """Return the controls by name."""
        raise NotImplementedError

    def get_signal(self, *args: tf.Tensor, **kwargs: tf.Tensor) -> tf.Tensor:
        """Return the signal, [batch, n_samples]."""
        raise NotImplementedError

    def _signal_of(self, controls: dict[str, Any]) -> tf.Tensor:
        """Return the signal of this processor's own controls."""
        return self.get_signal(**controls)


class ProcessorGroup(DAGLayer):
    """Processors chained by a graph; its signal is that of the last one.

    Args:
        dag: As in `DAGLayer`.
        **kwarg_processors: As in `DAGLayer`.
    """

    def __init__(self, dag: DAG, **kwarg_processors: Any) -> None:
        super().__init__(dag, **kwarg_processors)
        self.processor_names = self.module_names

    @property
    def processors(self) -> list[Any]:
        """The processors, in order."""
        return self.modules

    def call(
        self, inputs: TensorDict, return_outputs_dict: bool = False, **kwargs: Any
    ) -> Any:
        """Return the signal, or {'signal', 'controls'} if `return_outputs_dict`."""
        controls = self.get_controls(inputs, **kwargs)
        return _outputs(self.get_signal(controls), controls, return_outputs_dict)

    def get_controls(self, inputs: TensorDict, **kwargs: Any) -> dict[str, Any]:
        """Return all outputs of the graph, as `run_dag` does."""
        self.built = True  # also where this is called without __call__
        return super().call(inputs, **kwargs)

    def get_signal(self, outputs: TensorDict) -> tf.Tensor:
        """Return the signal of the last processor from what `get_controls` returned."""
        return outputs["out"]["signal"]


class Add(Processor):
    """The sum of two signals."""

    def __init__(self, name: str = "add") -> None:
        super().__init__(name=name)

    def get_controls(self, signal_one: tf.Tensor, signal_two: tf.Tensor) -> dict:
        """Return the signals as they are."""
        return {"signal_one": signal_one, "signal_two": signal_two}

    def get_signal(self, signal_one: tf.Tensor, signal_two: tf.Tensor) -> tf.Tensor:
        """Return the sum.

        Raises:
            ShapeError: The signals do not broadcast.
        """
        if len(signal_one.shape) == len(signal_two.shape):
            check_broadcast(signal_one=signal_one, signal_two=signal_two)
        return signal_one + signal_two


class Mix(Processor):
    """A crossfade between two signals."""

    def __init__(self, name: str = "mix") -> None:
        super().__init__(name=name)

    def get_controls(
        self, signal_one: tf.Tensor, signal_two: tf.Tensor, nn_out_mix_level: tf.Tensor
    ) -> dict:
        """Return the signals, and the level in [0, 1] at every sample.

        Args:
            signal_one: [batch, n_samples, channels].
            signal_two: The same length.
            nn_out_mix_level: Before the sigmoid, [batch, time, 1].

        Raises:
            ShapeError: The lengths differ.
        """
        n_samples, n_samples_two = signal_one.shape[1], signal_two.shape[1]
        if n_samples != n_samples_two:
            raise ShapeError(
                f"{self.name!r} got signals of {n_samples} and {n_samples_two} samples;"
                " they must be equally long"
            )
        mix_level = resample(tf.nn.sigmoid(nn_out_mix_level), n_samples)
        return {
            "signal_one": signal_one,
            "signal_two": signal_two,
            "mix_level": mix_level,
        }

    def get_signal(
        self, signal_one: tf.Tensor, signal_two: tf.Tensor, mix_level: tf.Tensor
    ) -> tf.Tensor:
        """Return the crossfade: at level 1 the first signal, and all of the second."""
        level_one = tf.sqrt(tf.abs(mix_level))
        level_two = 1.0 - tf.sqrt(tf.abs(mix_level - 1.0))
        return level_one * signal_one + level_two * signal_two


class Crop(Processor):
    """Cut off the audio of padded frames.

    Args:
        frame_size: In samples; that many are cut.
        crop_location: 'front', 'back', or 'center' (half at each end).
        name: As in `Processor`.
    """

    def __init__(
        self, frame_size: int, crop_location: str = "back", name: str = "crop"
    ) -> None:
        super().__init__(name=name)
        self.frame_size = frame_size
        self.crop_location = crop_location

    def get_controls(self, audio: tf.Tensor) -> dict:
        """Return the audio as it is."""
        return {"audio": audio}

    def get_signal(self, audio: tf.Tensor) -> tf.Tensor:
        """Return the audio, cut.

        Raises:
            UsageError: `crop_location` is unknown.
            ShapeError: The audio is shorter than what is cut.
        """
        half, n_samples = self.frame_size // 2, audio.shape[1]
        cuts = {"front": (2 * half, 0), "center": (half, half), "back": (0, 2 * half)}
        if self.crop_location not in cuts:
            raise UsageError(
                f"crop_location is {self.crop_location!r}; it must be 'front', 'center'"
                " or 'back'"
            )
        if n_samples < 2 * half:
            raise ShapeError(
                f"audio has shape {list(audio.shape)}; {self.name!r} cuts"
                f" {2 * half} samples from it"
            )
        before, after = cuts[self.crop_location]
        return audio[:, before : n_samples - after]


def _outputs(signal: tf.Tensor, controls: dict[str, Any], as_dict: bool) -> Any:
    return {"signal": signal, "controls": controls} if as_dict else signal
