"""Layers made of modules and the named tensors that flow between them.

A graph is a list of nodes `[module, [input key, ...], [output key, ...]]`, read in
order. It can be written in a gin file, so it is checked when the layer is made, and
the names of the features that it reads are checked when it is first called.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.nested import nested_lookup, to_dict
from ddsp_core.errors import ConfigError
from ddsp_core.nn.keras import Layer

TensorDict = Mapping[str, Any]
Node = Sequence[Any]
DAG = Sequence[Node]

INPUTS = "inputs"
RESERVED_NAMES = (INPUTS, "out")

_log = logging.getLogger(__name__)


class DAGLayer(Layer):
    """Run modules in order, each on tensors that stand under nested keys.

    Args:
        dag: Nodes; a module is an instance, or the name of a keyword argument. Input
            keys address the inputs ('f0_hz' or 'inputs/f0_hz') or what earlier modules
            returned ('harmonic/signal'). Output keys name the values of a module that
            returns no dictionary.
        **kwarg_modules: Modules by name; each becomes an attribute of that name, which
            is its key in a checkpoint. Also Keras's `name`.

    Raises:
        ConfigError: A node is malformed, names a module that does not exist, or reads
            what a later module makes.
    """

    def __init__(self, dag: DAG, **kwarg_modules: Any) -> None:
        keras_kwargs, kwarg_modules = split_keras_kwargs(kwarg_modules)
        super().__init__(**keras_kwargs)
        modules = filter_by_value(kwarg_modules, is_module)
        self.dag, dag_modules = self.format_dag(dag)
        modules.update(dag_modules)
        _check_dag(self.dag, modules)
        self.module_names = list(modules)
        for name, module in modules.items():
            setattr(self, name, module)

    @property
    def modules(self) -> list[Any]:
        """The modules, in order."""
        return [getattr(self, name) for name in self.module_names]

    @staticmethod
    def format_dag(dag: DAG) -> tuple[list[list[Any]], dict[str, Any]]:
        """Replace module instances by their names; return the graph and the modules.

        Raises:
            ConfigError: A node is malformed, or two modules have one name.
        """
        names: list[list[Any]] = []
        modules: dict[str, Any] = {}
        module: Any
        for node in dag:
            if isinstance(node, str) or len(node) not in (2, 3):
                raise ConfigError(
                    f"node {node!r} of the graph is not [module, [input keys]] or"
                    " [module, [input keys], [output keys]]"
                )
            module, *keys = node
            if is_module(module):
                if modules.setdefault(module.name, module) is not module:
                    raise ConfigError(
                        f"two modules of the graph are named {module.name!r}; give each"
                        " its own `name`"
                    )
                module = module.name
            names.append([module, *[list(k) for k in keys]])
        return names, modules

    def call(self, inputs: TensorDict, **kwargs: Any) -> Any:
        """Run the graph on a dictionary of inputs."""
        return self.run_dag(inputs, **kwargs)

    def run_dag(
        self, inputs: TensorDict, verbose: bool = False, **kwargs: Any
    ) -> dict[str, Any]:
        """Run the modules in order.

        Args:
            inputs: Tensors by name; may be nested.
            verbose: Log the shapes that go in and out of each module.
            **kwargs: For every module, such as Keras's `training`.

        Returns:
            The inputs (by their names, and under 'inputs'), the outputs of each module
            under its name, and those of the last one also under 'out'.

        Raises:
            ConfigError: A node reads a key that does not exist.
        """
        # By name as well as under 'inputs': Magenta's configs read 'f0_hz'.
        outputs: dict[str, Any] = {INPUTS: inputs, **inputs}
        module_outputs: Any = {}
        for name, input_keys, *output_keys in self.dag:
            module_inputs = [nested_lookup(key, outputs) for key in input_keys]
            module_outputs = _call_module(getattr(self, name), module_inputs, kwargs)
            if not isinstance(module_outputs, dict):
                module_outputs = to_dict(module_outputs, *output_keys or [[]])
            if verbose:
                _log.info(
                    "%s: %s -> %s",
                    name,
                    _shapes(module_inputs),
                    _shapes(module_outputs),
                )
            outputs[name] = module_outputs
        outputs["out"] = module_outputs
        return outputs


def split_keras_kwargs(
    kwargs: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split off what belongs to the Keras layer: `training`, `mask`, `name`."""
    names = [k for k in ("training", "mask", "name") if kwargs.get(k) is not None]
    own = {k: kwargs[k] for k in names}
    return own, {k: v for k, v in kwargs.items() if k not in own}


def filter_by_value(d: Mapping[str, Any], cond: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the entries whose value satisfies `cond`.

    >>> filter_by_value({"a": 1, "b": 2}, lambda value: value > 1)
    {'b': 2}
    """
    return {key: value for key, value in d.items() if cond(value)}


def is_module(v: Any) -> bool:
    """Whether `v` is a module that a graph can run."""
    return isinstance(v, tf.Module)


def is_processor(v: Any) -> bool:
    """Whether `v` turns inputs into controls and a signal."""
    return hasattr(v, "get_signal") and hasattr(v, "get_controls")


def is_loss(v: Any) -> bool:
    """Whether `v` returns a dictionary of losses."""
    return hasattr(v, "get_losses_dict")


def _call_module(module: Any, inputs: list[Any], kwargs: Mapping[str, Any]) -> Any:
    if is_processor(module):
        return module(*inputs, return_outputs_dict=True, **kwargs)
    if is_loss(module):
        return module.get_losses_dict(*inputs, **kwargs)
    return module(*inputs, **kwargs)


def _check_dag(dag: list[list[Any]], modules: Mapping[str, Any]) -> None:
    """Refuse names that no input can satisfy."""
    for name in modules:
        if name in RESERVED_NAMES:
            raise ConfigError(f"a module may not be named {name!r}: the name is taken")
    done: set[str] = set()
    for name, input_keys, *_ in dag:
        if name not in modules:
            raise ConfigError(
                f"the graph runs a module {name!r} that does not exist; there are"
                f" {', '.join(map(repr, modules))}"
            )
        for key in input_keys:
            _check_key(key, name, modules, done)
        done.add(name)


def _check_key(
    key: str, reader: str, modules: Mapping[str, Any], done: set[str]
) -> None:
    head, *rest = key.split("/")
    if head in modules and rest and head not in done:
        raise ConfigError(
            f"{reader!r} reads {key!r}, but {head!r} runs no earlier than {reader!r};"
            " order the graph so that what is read exists"
        )
    is_made = head in done and is_processor(modules[head])
    if is_made and rest and rest[0] not in ("signal", "controls"):
        raise ConfigError(
            f"{reader!r} reads {key!r}, but the processor {head!r} has only"
            f" '{head}/signal' and '{head}/controls/...'"
        )


def _shapes(tensors: Any) -> Any:
    return tf.nest.map_structure(lambda x: list(x.shape), tensors)
