"""The base of all models: outputs, losses, and variables made without data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from ddsp_core import io
from ddsp_core.dsp.nested import make_iterable
from ddsp_core.errors import CheckpointError, ConfigError, SpecError
from ddsp_core.nn import keras
from ddsp_core.spec import ExampleSpec

Losses = dict[str, tf.Tensor]


class MissingCheckpointError(CheckpointError, FileNotFoundError):
    """There is no checkpoint where one was to be read."""


class Model(keras.Model):
    """A Keras model called with a dictionary of features.

    Subclasses define `call(features, training)`, which returns a dictionary, and
    `get_losses(features, outputs)`. Code written for Magenta's library may instead fill
    the losses from `call` with `_update_losses_dict`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._losses_dict: Losses = {}

    @property
    def losses_dict(self) -> Losses:
        """The losses of the last call that computed any."""
        return self._losses_dict

    def __call__(self, *args: Any, return_losses: bool = False, **kwargs: Any) -> Any:
        """Run the model.

        Args:
            *args: Of `call`; dictionaries are copied, never changed.
            return_losses: Return the losses too, whatever `training` is.
            **kwargs: Of `call`.

        Returns:
            The outputs; with `return_losses` also {loss name: scalar} and their
            'total_loss'.
        """
        args = tuple(dict(a) if isinstance(a, dict) else a for a in args)
        self._losses_dict = {}
        outputs = super().__call__(*args, **kwargs)
        if not return_losses:
            return outputs
        if not self._losses_dict and args:
            self._losses_dict = self.get_losses(args[0], outputs)
        self._losses_dict["total_loss"] = self.sum_losses(self._losses_dict)
        return outputs, self._losses_dict

    def restore(
        self,
        checkpoint_path: str | os.PathLike[str],
        verbose: bool = True,
        restore_keys: Sequence[str] | None = None,
    ) -> None:
        """Set the variables from a checkpoint, ours or Magenta's.

        Those that do not exist yet are set when they are created.
        `checkpoints.restore` is strict both ways and reports. Differs from Magenta's:
        a variable that exists and is not in the file is an error, unless `verbose` is
        False.

        Args:
            checkpoint_path: A directory, for its latest, or the path of a checkpoint.
            verbose: Insist on every variable that exists.
            restore_keys: Attributes to restore, such as 'decoder'; by default all.

        Raises:
            CheckpointError: There is no checkpoint, or it lacks a variable.
        """
        parts = {key: getattr(self, key) for key in restore_keys or ()}
        root = tf.train.Checkpoint(**parts) if parts else self
        status = tf.train.Checkpoint(model=root).read(_latest(checkpoint_path))
        if not verbose:
            status.expect_partial()
            return
        try:
            status.assert_existing_objects_matched().expect_partial()
        except AssertionError as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{os.fspath(checkpoint_path)} does not fit the model: {reason}"
            ) from error

    def get_losses(
        self, features: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> Losses:
        """Return {loss name: scalar} of outputs against the features they came from."""
        return {}

    def sum_losses(self, losses_dict: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Return the sum of the losses, a scalar."""
        return tf.add_n(list(losses_dict.values())) if losses_dict else tf.zeros([])

    def _update_losses_dict(self, loss_objs: Any, *args: Any, **kwargs: Any) -> None:
        self._losses_dict.update(losses_of(loss_objs, *args, **kwargs))

    def build_from_spec(self, spec: ExampleSpec) -> None:
        """Create every variable, by tracing one call: no data, no audio computed.

        Raises:
            ConfigError: The parts of the model do not fit together.
            SpecError: The audio it makes is not as long as an example.
        """
        features = {
            field.name: tf.TensorSpec([1, field.length], tf.float32)
            for field in spec.fields()
        }
        # Autograph would rewrite every layer's source; nothing here needs it.
        call = tf.function(
            lambda features: self(features, training=False), autograph=False
        )
        try:
            outputs = call.get_concrete_function(features).structured_outputs
        except (LookupError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the parts of this {type(self).__name__} do not fit together:"
                f" {_reason(error)}"
            ) from error
        n_samples = self.get_audio_from_outputs(outputs).shape[1]
        if n_samples != spec.n_samples:
            raise SpecError(
                f"the model makes {n_samples} samples, but an example has"
                f" {spec.n_samples} (padding {str(spec.padding)!r}); a dataset of"
                " padding 'center' needs a config that ends in processors.Crop"
            )

    def get_audio_from_outputs(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Return the audio [batch, n_samples] from the outputs of a call."""
        raise NotImplementedError


def get_model(model: Any) -> Any:
    """Return the model; in a config, `get_model.model` says which one is meant."""
    return model


def losses_of(loss_objs: Any, *args: Any, **kwargs: Any) -> Losses:
    """Return {loss name: scalar} of every loss object, applied to the arguments."""
    losses: Losses = {}
    for loss in make_iterable(loss_objs):
        if hasattr(loss, "get_losses_dict"):
            losses.update(loss.get_losses_dict(*args, **kwargs))
    return losses


def _latest(path: str | os.PathLike[str]) -> str:
    """Return the path of a checkpoint, or of the latest one in a directory."""
    local = os.fspath(io.local_path(path))
    found = tf.train.latest_checkpoint(local) if os.path.isdir(local) else local
    if found is None or not os.path.isfile(f"{found}.index"):
        raise MissingCheckpointError(f"there is no checkpoint {local}")
    return found


def _reason(error: Exception) -> str:
    """Return what an error says, without the call that Keras describes around it."""
    parts = [part.strip() for part in str(error).split("\n\n")]
    said = [p for p in parts if not p.startswith(("Exception enc", "Call arguments"))]
    return (said or parts)[0].splitlines()[0] if str(error) else type(error).__name__
