"""The ways in which an element is run; each must give what it gives eagerly.

A mode takes an element and raises where it does not conform. Rows of a batch draw their
random numbers by their index, so that parts of a batch draw what the whole batch does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ddsp_core import randomness
from ddsp_core.dsp.compiled import plain_kernels
from ddsp_core.nn.keras import keras
from tests.conformance.modes.elements import Element

BATCH_SIZE = 4
SEED = 7  # of weights
Tensors = list[tf.Tensor]


class Cell:
    """An element that was made and run eagerly, and the ways to run it again."""

    def __init__(self, element: Element) -> None:
        self.element = element
        self.inputs = element.inputs(BATCH_SIZE)
        self.flat: Tensors = tf.nest.flatten(self.inputs)
        self.layer = self.make()
        self.expected = [x.numpy() for x in self.outputs(*self.flat)]

    def make(self) -> Any:
        """Make and build one more of it, with the same weights."""
        keras.utils.set_random_seed(SEED)
        layer = self.element.make()
        self._call(layer, self.inputs)
        return layer

    def outputs(self, *flat: tf.Tensor, first_row: Any = 0) -> Tensors:
        """Return all outputs, as float32, of flat inputs."""
        inputs = tf.nest.pack_sequence_as(self.inputs, flat)
        rows = first_row + tf.range(tf.shape(flat[0])[0])
        with randomness.keyed(SEED, 0, tf.ensure_shape(rows, flat[0].shape[:1])):
            return self._call(self.layer, inputs)

    def with_gradients(self, *flat: tf.Tensor) -> tuple[Tensors, Tensors]:
        """Return outputs, and the gradients of their weighted means."""
        sources = [x for x in flat if x.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs = self.outputs(*flat)
            # Weighted: the sum alone is what a normalisation makes constant.
            total = sum(tf.reduce_mean(x * _weights(x)) for x in outputs)
        sources = [*sources, *self.layer.trainable_variables]
        gradients = tape.gradient(total, sources, unconnected_gradients="zero")
        return outputs, [tf.convert_to_tensor(g) for g in gradients]

    def specs(self, batch_size: int | None) -> list[tf.TensorSpec]:
        """Return the shapes of the flat inputs."""
        return [
            tf.TensorSpec([batch_size, *x.shape[1:]], x.dtype, f"x{i:03d}")
            for i, x in enumerate(self.flat)
        ]

    def part(self, rows: slice) -> Tensors:
        """Return flat inputs of these rows."""
        return [x[rows] for x in self.flat]

    def compare(self, outputs: Sequence[Any], what: str = "output") -> None:
        """Check values against those of the eager call."""
        compare(outputs, self.expected, self.element.tolerance, what)

    def compare_gradients(self, run: Callable[..., Any]) -> None:
        """Check values and gradients of a function like `with_gradients`."""
        outputs, gradients = run(*self.flat)
        self.compare(outputs)
        _, expected = self.with_gradients(*self.flat)
        compare(gradients, expected, 10 * self.element.tolerance, "gradient")

    def _call(self, layer: Any, inputs: Any) -> Tensors:
        outputs = self.element.call(layer, *inputs)
        return [tf.cast(x, tf.float32) for x in tf.nest.flatten(outputs)]


def eager(element: Element) -> None:
    """The reference: finite, and the same once more."""
    cell = Cell(element)
    assert all(np.isfinite(x).all() for x in cell.expected)
    cell.compare(cell.outputs(*cell.flat))
    _, gradients = cell.with_gradients(*cell.flat)
    assert all(np.isfinite(g).all() for g in gradients)


def function(element: Element) -> None:
    """`tf.function`, values and gradients."""
    cell = Cell(element)
    cell.compare_gradients(tf.function(cell.with_gradients))


def function_without_autograph(element: Element) -> None:
    """`tf.function(autograph=False)`, values and gradients."""
    cell = Cell(element)
    cell.compare_gradients(tf.function(cell.with_gradients, autograph=False))


def jit(element: Element) -> None:
    """`tf.function(jit_compile=True)`, values and gradients."""
    cell = Cell(element)
    cell.compare_gradients(tf.function(cell.with_gradients, jit_compile=True))


def two_replicas(element: Element) -> None:
    """Half a batch on each of two replicas, its weights mirrored."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    cell = Cell(element)
    with strategy.scope():
        mirrored = cell.make()
    for ours, theirs in zip(mirrored.variables, cell.layer.variables, strict=True):
        ours.assign(theirs.numpy())
    cell.layer = mirrored
    half = BATCH_SIZE // 2
    args = [
        strategy.experimental_distribute_values_from_function(
            lambda context, x=x: x[context.replica_id_in_sync_group * half :][:half]
        )
        for x in cell.flat
    ]

    def replica(*flat: tf.Tensor) -> Tensors:
        context = tf.distribute.get_replica_context()
        first_row = tf.cast(context.replica_id_in_sync_group, tf.int32) * half
        return cell.outputs(*flat, first_row=first_row)

    outputs = tf.function(lambda *flat: strategy.run(replica, flat))(*args)
    parts = [strategy.experimental_local_results(x) for x in outputs]
    cell.compare([_joined(part) for part in parts])


def saved_model(element: Element) -> None:
    """A SavedModel of any batch size, of plain kernels, loaded again."""
    cell = Cell(element)
    with tempfile.TemporaryDirectory() as folder:
        _save(cell, cell.specs(None), folder)
        served = tf.saved_model.load(folder).signatures["serving_default"]
        for rows in (slice(None), slice(1)):
            flat = cell.part(rows)
            outputs = served(**{f"x{i:03d}": x for i, x in enumerate(flat)})
            expected = cell.outputs(*flat)
            values = [outputs[name] for name in sorted(outputs)]
            compare(values, expected, element.tolerance, "output")


def tflite(element: Element) -> None:
    """A TFLite model of plain kernels, of TFLite's own operations alone."""
    cell = Cell(element)
    rng = np.random.default_rng(SEED)

    def draw(shape: Any, low: Any, high: Any, dtype: tf.DType) -> tf.Tensor:
        shape = [BATCH_SIZE if tf.is_tensor(n) else n for n in shape]
        return tf.constant(rng.uniform(low, high, shape), dtype)

    def outputs(*flat: tf.Tensor) -> Tensors:
        nonlocal rng
        rng = np.random.default_rng(SEED)
        with randomness.replace_uniform(draw):
            inputs = tf.nest.pack_sequence_as(cell.inputs, flat)
            return cell._call(cell.layer, inputs)

    cell.expected = outputs(*cell.flat)
    with tempfile.TemporaryDirectory() as folder:
        _save(cell, cell.specs(BATCH_SIZE), folder, outputs)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        content = converter.convert()
    runner = tf.lite.Interpreter(model_content=content).get_signature_runner()
    made = runner(**{f"x{i:03d}": x.numpy() for i, x in enumerate(cell.flat)})
    cell.compare([made[name] for name in sorted(made)])


def batch_of_1(element: Element) -> None:
    """Every example alone gives its row of the batch."""
    cell = Cell(element)
    alone = [
        cell.outputs(*cell.part(slice(i, i + 1)), first_row=i)
        for i in range(BATCH_SIZE)
    ]
    cell.compare([_joined(parts) for parts in zip(*alone, strict=True)])


def unknown_batch(element: Element) -> None:
    """`tf.function` of an unknown batch size, values and gradients."""
    cell = Cell(element)
    cell.compare_gradients(
        tf.function(cell.with_gradients, input_signature=cell.specs(None))
    )


MODES: dict[str, Callable[[Element], None]] = {
    "eager": eager,
    "tf.function": function,
    "tf.function without autograph": function_without_autograph,
    "jit": jit,
    "two replicas": two_replicas,
    "SavedModel": saved_model,
    "TFLite": tflite,
    "batch of 1": batch_of_1,
    "unknown batch": unknown_batch,
}


def compare(
    got: Sequence[Any], expected: Sequence[Any], tolerance: float, what: str
) -> None:
    """Check shapes, and differences as a share of the largest number expected."""
    pairs = list(zip(got, expected, strict=True))
    for i, (one, other) in enumerate((np.asarray(a), np.asarray(b)) for a, b in pairs):
        assert one.shape == other.shape, f"{what} {i}: {one.shape}, not {other.shape}"
        scale = np.max(np.abs(other), initial=1e-3)
        error = np.max(np.abs(one - other), initial=0.0) / scale
        assert error <= tolerance, f"{what} {i} differs by {error:.2g} of {scale:.2g}"


def _save(
    cell: Cell,
    specs: list[tf.TensorSpec],
    folder: str,
    outputs: Callable[..., Tensors] | None = None,
) -> None:
    """Write a SavedModel of plain kernels, its outputs named in order."""
    outputs = outputs or cell.outputs

    @tf.function(autograph=False, input_signature=specs)
    def serve(*flat: tf.Tensor) -> dict[str, tf.Tensor]:
        return {f"y{i:03d}": tf.identity(x) for i, x in enumerate(outputs(*flat))}

    module = tf.Module()
    module.weights = list(cell.layer.variables)
    with plain_kernels():
        signature = serve.get_concrete_function()
        tf.saved_model.save(module, folder, signatures=signature)


def _joined(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    """Join parts of a batch; a scalar is a mean over it."""
    if parts[0].shape.rank == 0:
        return tf.reduce_mean(tf.stack(parts), 0)
    return tf.concat(parts, 0)


def _weights(x: tf.Tensor) -> Any:
    """Fixed numbers of a tensor's shape, equal for every row."""
    rng = np.random.default_rng(SEED)
    return (
        rng.standard_normal([1, *x.shape[1:]])
        .astype(np.float32)
        .reshape([1, *x.shape[1:]] if x.shape.rank else [])
    )
