"""The step: equal on 1 and n replicas, clipped after the sum, finite or not at all."""

import numpy as np
import pytest
import tensorflow as tf

from ddsp_core.errors import UsageError
from tests.training.tones import SPEC, tone_example, write_dataset
from tests.training.toy import toy_trainer
from training.data import Batches, Examples
from training.parts import check_parts
from training.strategy import mirrored


def trained(dataset, n_replicas, n_steps=20, n_parts=1, **options):
    """Losses of each step, and the trainer after them."""
    strategy = mirrored(n_replicas)
    trainer = toy_trainer(strategy, SPEC, n_parts=n_parts, **options)
    batches = Batches(Examples.open(dataset), strategy, 4, trainer.seed)
    numbers = [trainer.train_step(next(batches)) for _ in range(n_steps)]
    return [{k: float(v) for k, v in row.items()} for row in numbers], trainer


def test_two_replicas_do_what_one_does(dataset):
    one, trainer_1 = trained(dataset, 1, learning_rate=0.01)
    two, trainer_2 = trained(dataset, 2, learning_rate=0.01)
    for name in ("total_loss", "toy_loss", "grad_norm"):
        a, b = ([row[name] for row in rows] for rows in (one, two))
        np.testing.assert_allclose(a, b, rtol=1e-4)
    assert one[-1]["total_loss"] < 0.9 * one[0]["total_loss"]
    pairs = zip(trainer_1.model.variables, trainer_2.model.variables, strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)


def test_in_parts_replicas_do_the_same_to_the_last_bit(dataset):
    one, trainer_1 = trained(dataset, 1, n_parts=4, learning_rate=0.01)
    plain, _ = trained(dataset, 1, learning_rate=0.01)
    for name in ("total_loss", "toy_loss", "grad_norm"):
        a, b = ([row[name] for row in rows] for rows in (one, plain))
        np.testing.assert_allclose(a, b, rtol=1e-4)
    for n_replicas in (2, 4):
        many, trainer_n = trained(dataset, n_replicas, n_parts=4, learning_rate=0.01)
        assert many == one
        pairs = zip(trainer_1.model.variables, trainer_n.model.variables, strict=True)
        assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)


@pytest.mark.parametrize(
    "numbers,reason",
    [
        ((0, 4, 1), "0 parts; needed a power of two"),
        ((3, 6, 1), "3 parts; needed a power of two"),
        ((4, 6, 1), "a batch of 6 does not divide into 4 parts"),
        ((2, 8, 4), "2 parts do not divide among 4 replicas; use --parts 4"),
    ],
)
def test_parts_that_do_not_divide_are_refused(numbers, reason):
    with pytest.raises(UsageError, match=reason):
        check_parts(*numbers)
    check_parts(1, 6, 3)
    check_parts(4, 8, 2)


def test_the_gradient_is_clipped_after_it_was_summed(dataset):
    """Adam's first moment after one step is (1 - beta_1) times the clipped gradient."""
    clip = 1e-3
    numbers, trainer = trained(dataset, 2, n_steps=1, grad_clip_norm=clip)
    assert numbers[0]["grad_norm"] > 10 * clip
    moments = [
        trainer.optimizer.get_slot(v, "m") for v in trainer.model.trainable_variables
    ]
    norm = float(tf.linalg.global_norm([tf.convert_to_tensor(m) for m in moments]))
    assert norm == pytest.approx(0.1 * clip, rel=1e-4)


def test_the_gradient_is_that_of_the_global_mean(dataset):
    """Against the gradient of one batch of all examples, computed plainly."""
    numbers, _ = trained(dataset, 2, n_steps=1, grad_clip_norm=1e9)
    trainer = toy_trainer(mirrored(1), SPEC)
    batch = next(Batches(Examples.open(dataset), mirrored(1), 4, trainer.seed))
    from ddsp_core import randomness

    with randomness.keyed(trainer.seed, 0, batch["row"]), tf.GradientTape() as tape:
        _, losses = trainer.model(batch, return_losses=True, training=True)
    variables = trainer.model.trainable_variables[:4]  # the last one has no gradient
    gradients = tape.gradient(losses["total_loss"], variables)
    expected = float(tf.linalg.global_norm(gradients))
    assert numbers[0]["grad_norm"] == pytest.approx(expected, rel=1e-4)


def test_a_step_is_traced_once(dataset):
    _, trainer = trained(dataset, 2, n_steps=4)
    assert trainer.train_step.experimental_get_tracing_count() == 1
    assert trainer.step == 4


def test_a_loss_that_is_not_finite_changes_nothing(tmp_path):
    def example(index, spec):
        values = tone_example(index, spec)
        if index == 1:
            values["audio"] = np.full(spec.n_samples, 3e38)  # its loss overflows
        return values

    dataset = write_dataset(tmp_path / "d", {"train": [4]}, example=example)
    strategy = mirrored(2)
    trainer = toy_trainer(strategy, SPEC)
    before = [v.numpy() for v in trainer.model.variables]
    batches = Batches(Examples.open(dataset), strategy, 4, trainer.seed)
    numbers = trainer.train_step(next(batches))
    assert not np.isfinite(float(numbers["total_loss"]))
    assert trainer.step == 0
    for old, new in zip(before, trainer.model.variables, strict=True):
        assert np.array_equal(old, new.numpy())


def test_the_learning_rate_decays_by_its_rate_in_its_steps(dataset):
    options = {"learning_rate": 0.01, "lr_decay_steps": 3, "lr_decay_rate": 0.5}
    _, trainer = trained(dataset, 1, n_steps=6, **options)
    assert trainer.learning_rate() == pytest.approx(0.01 * 0.5**2, rel=1e-5)


def test_held_out_losses_do_not_depend_on_when_and_with_whom(dataset):
    examples = Examples.open(dataset)
    trainer = toy_trainer(mirrored(1), SPEC)
    together = trainer.reconstruct(examples.batch([2, 5])).numpy()
    again = trainer.reconstruct(examples.batch([5])).numpy()
    np.testing.assert_allclose(together[1], again[0], atol=1e-6)
