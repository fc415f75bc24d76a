"""What a loss is, and groups of losses."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ddsp_core.dags import DAG, DAGLayer, TensorDict
from ddsp_core.nn.keras import Layer


class Loss(Layer):
    """Base of losses: a layer that returns a scalar."""

    def get_losses_dict(self, *args: Any, **kwargs: Any) -> dict[str, tf.Tensor]:
        """Return {name of the layer: loss}."""
        return {self.name: self(*args, **kwargs)}


class LossGroup(DAGLayer):
    """Several losses, each on tensors of a model's outputs.

    Args:
        dag: As in `DAGLayer`; modules are losses.
        **kwarg_losses: As in `DAGLayer`.
    """

    def __init__(self, dag: DAG, **kwarg_losses: Any) -> None:
        super().__init__(dag, **kwarg_losses)
        self.loss_names = self.module_names

    @property
    def losses(self) -> list[Any]:
        """The losses, in order."""
        return self.modules

    # The parameter has Magenta's name, which differs from that of the base there too.
    def call(  # type: ignore[override]
        self, outputs: TensorDict, **kwargs: Any
    ) -> dict[str, tf.Tensor]:
        """Return every loss by name."""
        made = super().call(outputs, **kwargs)
        return {
            key: loss for name in self.loss_names for key, loss in made[name].items()
        }

    def get_losses_dict(self, outputs: TensorDict, **kwargs: Any) -> dict:
        """Return every loss by name."""
        return self(outputs, **kwargs)
