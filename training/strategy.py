"""Which devices share a step: all local ones, mirrored."""

from __future__ import annotations

import logging

import tensorflow as tf

from ddsp_core.errors import UsageError

logger = logging.getLogger(__name__)


def mirrored(n_replicas: int | None = None) -> tf.distribute.MirroredStrategy:
    """Return a strategy over local devices; call it before TensorFlow touches them.

    Args:
        n_replicas: How many; None for every GPU, or one CPU where there is none. On
            a machine without GPU the replicas are logical CPU devices.

    Raises:
        UsageError: There are fewer devices than that.
    """
    if n_replicas is not None and n_replicas < 1:
        raise UsageError(f"{n_replicas} replicas; needed one or more")
    gpus = tf.config.list_physical_devices("GPU")
    kind, n_devices = ("GPU", len(gpus)) if gpus else ("CPU", n_replicas or 1)
    n_replicas = n_replicas or n_devices
    if gpus:
        _grow_memory(gpus)
    else:
        _split_cpu(n_replicas)
        n_devices = len(tf.config.list_logical_devices("CPU"))
    if n_replicas > n_devices:
        raise UsageError(
            f"{n_replicas} replicas need as many devices, but this process has"
            f" {n_devices} {kind}; use --replicas {n_devices} or fewer"
        )
    # TensorFlow's own choice for CPUs is collectives, whose keys clash when one process
    # trains twice; adding up on one device has no such memory.
    reduction = None if gpus else tf.distribute.ReductionToOneDevice()
    devices = [f"{kind}:{i}" for i in range(n_replicas)]
    return tf.distribute.MirroredStrategy(devices, cross_device_ops=reduction)


def per_replica_batch_size(batch_size: int, n_replicas: int) -> int:
    """Return each replica's share of a batch.

    Raises:
        UsageError: The batch does not divide.

    >>> per_replica_batch_size(16, 2)
    8
    """
    if batch_size < 1 or batch_size % n_replicas:
        lower = max(batch_size // n_replicas, 1) * n_replicas
        raise UsageError(
            f"a batch of {batch_size} does not divide among {n_replicas} replicas; use"
            f" --set train.batch_size={lower} or another number of --replicas"
        )
    return batch_size // n_replicas


def _grow_memory(gpus: list[tf.config.PhysicalDevice]) -> None:
    """Let GPUs allocate as needed instead of all at once."""
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            logger.info("%s is in use already: its memory setting stays", gpu.name)


def _split_cpu(n_replicas: int) -> None:
    """Make logical CPU devices, if nothing has touched the CPU yet."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    if n_replicas == 1 or tf.config.get_logical_device_configuration(cpu):
        return
    devices = [tf.config.LogicalDeviceConfiguration()] * n_replicas
    try:
        tf.config.set_logical_device_configuration(cpu, devices)
    except RuntimeError:
        logger.debug("the CPU is in use already: its devices stay as they are")
