"""What is counted as spent, and that it is counted once."""

import time

import pytest

from pipelines.stopwatch import Spent, Stopwatch


def busy(secs):
    end = time.process_time() + secs
    while time.process_time() < end:
        pass


def test_only_the_making_of_items_is_counted_and_not_their_use():
    watch = Stopwatch()

    def items():
        for k in range(3):
            busy(0.01)
            yield k

    used = []
    for item in watch.through("make", items()):
        with watch.on("use"):
            busy(0.03)
        used.append(item)
    assert used == [0, 1, 2]
    assert watch.seconds["make"] >= 0.03 and watch.seconds["use"] >= 0.09


def test_time_is_counted_when_the_block_fails():
    watch = Stopwatch()
    with pytest.raises(ValueError, match="oh"), watch.on("work"):
        busy(0.001)
        raise ValueError("oh")
    assert watch.seconds["work"] >= 0.001


def test_several_askers_are_told_the_whole_once():
    seconds = {"f0": 0.0, "loudness": 0.0}
    spent = Spent(seconds)
    told = []
    for k in range(5):
        seconds["f0"] += k
        told.append(spent.take()["f0"])
    assert told == [0, 1, 2, 3, 4]
