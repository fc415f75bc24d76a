"""Hooks: when they act, what they report, and what ends a run."""

import itertools
import signal
import threading

import numpy as np
import pytest
import tensorflow as tf

from tests.training.tones import SPEC, tone_example, write_dataset
from tests.training.toy import Recorder, toy_trainer
from training.data import Batches, Examples
from training.hooks import (
    ClipsHook,
    HeldOutHook,
    MetricsHook,
    NonFiniteLossError,
    culprits_of,
    held_out_losses,
)
from training.loop import run_loop
from training.stopping import StopSignal
from training.strategy import mirrored


@pytest.fixture
def trainer():
    return toy_trainer(mirrored(1), SPEC, learning_rate=0.01)


def metrics_hook(trainer, tracker, every, n_steps=100, clock=None):
    ticks = itertools.count()
    return MetricsHook(
        trainer,
        tracker,
        every,
        n_steps=n_steps,
        culprits=lambda step: ["an-example"],
        clock=clock or (lambda: float(next(ticks))),
    )


def feed(hook, losses):
    for step, loss in enumerate(losses, start=1):
        hook.after_step(step, {"total_loss": tf.constant(loss)})


def test_means_are_over_the_steps_since_the_last_report(trainer):
    tracker = Recorder()
    hook = metrics_hook(trainer, tracker, (4,))
    feed(hook, [1.0, 2.0, 3.0, 6.0, 10.0, 20.0])
    hook.at_end(6, stopped=False)
    assert tracker.points("train/loss") == {4: 3.0, 6: 15.0}


def test_no_mean_straddles_a_checkpoint(trainer):
    tracker = Recorder()
    feed(metrics_hook(trainer, tracker, (4, 6)), [1.0] * 13)
    assert list(tracker.points("train/loss")) == [4, 6, 8, 12]


def test_speed_is_counted_by_the_clock_from_the_first_step_of_a_window(trainer):
    times = iter([0.0, 100.0, 102.0, 500.0, 501.0])
    tracker = Recorder()
    hook = metrics_hook(trainer, tracker, (5,), clock=lambda: next(times))
    feed(hook, [1.0] * 10)
    assert tracker.points("steps_per_second") == {5: 2.0, 10: 4.0}


def test_nothing_is_read_from_the_device_between_reports(trainer):
    class Untouchable:
        def __array__(self, *args, **kwargs):
            raise AssertionError("read")

        def __float__(self):
            raise AssertionError("read")

    hook = metrics_hook(trainer, Recorder(), (10,))
    for step in range(1, 10):
        hook.after_step(step, {"total_loss": Untouchable()})


def test_a_loss_that_is_not_finite_names_step_and_example(trainer):
    hook = metrics_hook(trainer, Recorder(), (3,))
    with pytest.raises(NonFiniteLossError, match=r"step 2: .*an-example"):
        feed(hook, [1.0, float("nan"), 1.0])


def test_the_example_to_blame_is_found_among_its_batch(tmp_path):
    def example(index, spec):
        values = tone_example(index, spec)
        if index == 5:
            values["audio"] = np.full(spec.n_samples, 3e38)  # its loss overflows
        return values

    folder = write_dataset(tmp_path / "d", {"train": [8]}, example=example)
    examples = Examples.open(folder)
    strategy = mirrored(1)
    trainer = toy_trainer(strategy, SPEC)
    metrics = MetricsHook(
        trainer,
        Recorder(),
        (2,),
        n_steps=2,
        culprits=culprits_of(trainer, examples, 4),
    )
    batches = Batches(examples, strategy, 4, trainer.seed)
    with StopSignal() as stop, pytest.raises(NonFiniteLossError) as caught:
        run_loop(trainer, batches, 2, [metrics], stop)
    assert "0" * 31 + "a-000000000005" in str(caught.value)
    assert str(caught.value).count("-0000000") == 1


def test_held_out_loss_is_the_mean_over_every_example(dataset, trainer):
    examples = Examples.open(dataset, ("train", "eval"))  # 13: batches of 8 and 5
    single = [
        float(trainer.held_out_losses(examples.batch([n]))["total_loss"])
        for n in range(13)
    ]
    losses = held_out_losses(trainer, examples)
    assert losses["loss"] == pytest.approx(np.mean(single), rel=1e-5)


def test_held_out_losses_come_at_the_start_each_interval_and_the_end(dataset, trainer):
    tracker = Recorder()
    hook = HeldOutHook(trainer, Examples.open(dataset, ("eval",)), tracker, every=4)
    for step in range(7):
        hook.after_step(step, {})
    hook.at_end(6, stopped=False)
    hook.at_end(6, stopped=False)
    assert list(tracker.points("eval/loss")) == [0, 4, 6]


def test_a_stopped_run_does_not_measure_again(dataset, trainer):
    tracker = Recorder()
    hook = HeldOutHook(trainer, Examples.open(dataset, ("eval",)), tracker, every=4)
    hook.at_end(3, stopped=True)
    assert not tracker.calls


def test_clips_show_target_once_and_reconstruction_each_time(dataset, trainer):
    examples = Examples.open(dataset, ("eval",))
    tracker = Recorder()
    hook = ClipsHook(trainer, examples, tracker, every=5)
    for step in (0, 3, 5):
        hook.after_step(step, {})
    sounds = [(name, step) for name, _, _, step in tracker.named("audio")]
    assert sounds == [
        ("audio/clip-1/target", 0),
        ("audio/clip-1/reconstruction", 0),
        ("audio/clip-2/target", 0),
        ("audio/clip-2/reconstruction", 0),
        ("audio/clip-1/reconstruction", 5),
        ("audio/clip-2/reconstruction", 5),
    ]
    target = tracker.named("audio")[0]
    assert np.array_equal(target[1], examples.batch([0])["audio"][0])
    assert target[2] == SPEC.sample_rate
    figure = tracker.named("figure")[-1][1]
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[:2] == ["target", "reconstruction at step 5"]


def test_a_stop_signal_ends_the_loop_after_the_step_in_hand(dataset, trainer):
    batches = Batches(Examples.open(dataset), mirrored(1), 2, trainer.seed)
    seen = []

    class Stopper:
        def after_step(self, step, numbers):
            if step == 3:
                signal.raise_signal(signal.SIGTERM)

        def at_end(self, step, stopped):
            seen.append((step, stopped))

    before = signal.getsignal(signal.SIGTERM)
    with StopSignal() as stop:
        assert run_loop(trainer, batches, 10, [Stopper()], stop) == 3
    assert seen == [(3, True)]
    assert stop.requested
    assert not stop.by_hand
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_ctrl_c_is_not_held_back():
    # Usual, whatever started the tests: a shell's background job ignores Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with StopSignal() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.by_hand
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_loop_in_another_thread_works_without_signals():
    done = []

    def work():
        with StopSignal() as stop:
            done.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [False]
