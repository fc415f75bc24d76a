"""Layers that take and return dictionaries of tensors, as Magenta's DAGs need them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.nested import MissingKeyError, make_iterable, nested_lookup
from ddsp_core.errors import ShapeError
from ddsp_core.nn.keras import Layer, layers

Splits = Sequence[tuple[str, int]]  # (name, channels)


def split_to_dict(tensor: Any, tensor_splits: Splits) -> dict[str, tf.Tensor]:
    """Split the last axis into named tensors.

    Args:
        tensor: [..., n_channels], n_channels the sum of the sizes.
        tensor_splits: (name, size) of each part, in order.

    >>> split_to_dict(tf.zeros([1, 5]), (("amps", 1), ("noise", 4)))["noise"].shape[-1]
    4
    """
    names, sizes = [s[0] for s in tensor_splits], [s[1] for s in tensor_splits]
    return dict(zip(names, tf.split(tensor, sizes, axis=-1), strict=True))


class DictLayer(Layer):
    """A layer called with a dictionary, from which it reads its inputs by name.

    Tensors may be given by position or by keyword too. The result is always a
    dictionary: what `call` returned if it is one, else its tensors named by
    `output_keys`. Our own layers return dictionaries.

    Args:
        input_keys: Names of the inputs, in the order of `call`'s arguments; a name may
            be a path ("harmonic/signal"). By default the argument names of `call`,
            where arguments with a default are optional.
        output_keys: Names of the tensors that `call` returns. By default the list of
            strings that annotates `call`'s return, as Magenta's layers write it.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        input_keys: Sequence[str] | None = None,
        output_keys: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        defaults = {} if input_keys else _defaults(self.call)
        names = input_keys or [n for n in _arguments(self.call) if n not in defaults]
        self.input_keys = list(names)
        self.default_input_keys = list(defaults)
        self.default_input_values = list(defaults.values())
        self.output_keys = list(output_keys or _annotated_outputs(self.call))

    @property
    def all_input_keys(self) -> list[str]:
        """Names of all inputs, the optional ones last."""
        return list(self.input_keys) + list(self.default_input_keys)

    @property
    def n_inputs(self) -> int:
        """How many tensors `call` takes."""
        return len(self.all_input_keys)

    def __call__(self, *inputs: Any, **kwargs: Any) -> dict[str, Any]:
        """Read the inputs from dictionaries, positions and keywords; return a dict.

        Raises:
            TypeError: An input is missing, or there are too many.
        """
        given = {k: v for d in inputs if isinstance(d, dict) for k, v in d.items()}
        given |= {k: kwargs.pop(k) for k in self.all_input_keys if k in kwargs}
        tensors = [x for x in inputs if not isinstance(x, dict)]
        found = [_lookup(key, given) for key in self.input_keys]
        tensors += [x for x in found if x is not _MISSING]
        for key, default in zip(
            self.default_input_keys, self.default_input_values, strict=True
        ):
            value = _lookup(key, given)
            if value is not _MISSING:
                tensors.append(value)
            elif len(tensors) < self.n_inputs:
                tensors.append(default)
        if len(tensors) != self.n_inputs:
            raise TypeError(
                f"{type(self).__name__} {self.name!r} got {len(tensors)} inputs, needed"
                f" {list(self.input_keys)} (optional {list(self.default_input_keys)});"
                f" the dictionary has {sorted(map(str, given))}"
            )
        return self._named(super().__call__(*tensors, **kwargs))

    def get_argument_names(self, method: str) -> list[str]:
        """Return the names of a method's required arguments."""
        own = getattr(self, method)
        return [name for name in _arguments(own) if name not in _defaults(own)]

    def get_default_argument_names(self, method: str) -> list[str]:
        """Return the names of a method's arguments that have a default."""
        return list(_defaults(getattr(self, method)))

    def get_default_argument_values(self, method: str) -> list[Any]:
        """Return the defaults of a method's arguments."""
        return list(_defaults(getattr(self, method)).values())

    def get_return_annotations(self, method: str) -> list[str]:
        """Return the output keys that annotate a method, `-> ['x', 'y']`."""
        return _annotated_outputs(getattr(self, method))

    def _named(self, outputs: Any) -> dict[str, Any]:
        if isinstance(outputs, dict):
            return outputs
        outputs = list(make_iterable(outputs))
        if len(outputs) != len(self.output_keys):
            raise ShapeError(
                f"{type(self).__name__} {self.name!r} returned {len(outputs)} tensors"
                f" for the output keys {list(self.output_keys)}"
            )
        return dict(zip(self.output_keys, outputs, strict=True))


class OutputSplitsLayer(DictLayer):
    """A network, then a dense layer whose channels are split into named outputs.

    Subclasses define `compute_output(*tensors) -> tensor` of any number of channels.

    Args:
        input_keys: As of `DictLayer`; by default the arguments of `compute_output`.
        output_splits: (name, channels) of each output.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        input_keys: Sequence[str] | None = None,
        output_splits: Splits = (("amps", 1), ("harmonic_distribution", 40)),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_keys=input_keys or _arguments(self.compute_output),
            output_keys=[name for name, _ in output_splits],
            **kwargs,
        )
        self.output_splits = output_splits
        self.n_out = sum(size for _, size in output_splits)
        self.dense_out = layers.Dense(self.n_out)

    def call(self, *inputs: Any, **unused_kwargs: Any) -> dict[str, tf.Tensor]:
        """Run the network, the dense layer and the split."""
        x = self.compute_output(*inputs)
        return split_to_dict(self.dense_out(x), self.output_splits)

    def compute_output(self, *inputs: Any) -> tf.Tensor:
        """Return one tensor [batch, time, channels] from the inputs."""
        raise NotImplementedError


_MISSING = object()


def _lookup(path: str, values: dict[str, Any]) -> Any:
    """Return the entry at 'a/b/c' of a nested dictionary, or `_MISSING`."""
    try:
        return nested_lookup(path, values)
    except MissingKeyError:
        return _MISSING


def _parameters(method: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters that can be inputs: not *args, not keyword-only."""
    parameters = inspect.signature(method).parameters
    return {
        name: p for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD
    }


def _arguments(method: Any) -> list[str]:
    return list(_parameters(method))


def _defaults(method: Any) -> dict[str, Any]:
    parameters = _parameters(method)
    return {n: p.default for n, p in parameters.items() if p.default is not p.empty}


def _annotated_outputs(method: Any) -> list[str]:
    """Return the output keys in Magenta's notation `def call(...) -> ['x', 'y']`."""
    keys = inspect.signature(method).return_annotation
    if isinstance(keys, str):  # its module postpones the evaluation of annotations
        try:
            keys = ast.literal_eval(keys)
        except (ValueError, SyntaxError):
            return []
    is_keys = isinstance(keys, list | tuple) and all(isinstance(k, str) for k in keys)
    return list(keys) if is_keys else []
