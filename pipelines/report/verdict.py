"""The verdict: a pure function of the report's numbers, its limits in one place."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any


class Grade(enum.StrEnum):
    """What people are told first."""

    GOOD = "good"
    USABLE = "usable"
    NOT_USABLE = "not usable"


class Weight(enum.StrEnum):
    """What a finding does to the grade."""

    STOP = "stop"  # not usable
    WARN = "warn"  # usable, not good
    NEXT = "next"  # nothing: what to record next
    HINT = "hint"  # nothing

    @property
    def is_serious(self) -> bool:
        """Does it change the grade?"""
        return self in (Weight.STOP, Weight.WARN)


@dataclasses.dataclass(frozen=True)
class Limits:
    """Where findings begin. Shares are of 1, levels in dB, times as named.

    Args:
        min_train_minutes: Below, a model learns next to nothing.
        good_train_minutes: Below, notes and dynamics repeat; 13 minutes made the solo
            violin of Engel et al. 2020.
        max_refused_share: Of the seconds found.
        max_clipped_share: Of a file's samples, before the file counts as clipped.
        max_clipped_files: Share of the seconds in such files.
        min_snr_db: Median level of what sounds over the noise floor.
        min_voiced_share: Of what is not silent.
        min_played_share: Likewise; with less, noise is not told from the playing.
        max_polyphonic_share: Of what is not silent.
        max_jumps_per_minute: Octave jumps a minute of sounding notes.
        level_spread_db: A file's level disagrees beyond it from the median.
        max_disagreeing_share: Share of the seconds in such files.
        max_dc: Constant offset of a file.
        max_mix_loss_db: Of a file that is mixed to mono.
        min_range: Semitones between the lowest and highest note.
        min_loudness_spread_db: From the 10th to the 90th percentile of the loudness.
        room_secs: A longer reverberation is a room, a shorter one a note's release.
        max_room_secs: Beyond, notes run into each other.
        room_ratio: Rooms differ if the 90th percentile of files is this many times the
            10th.
    """

    min_train_minutes: float = 1.0
    good_train_minutes: float = 10.0
    max_refused_share: float = 0.3
    max_clipped_share: float = 0.001
    max_clipped_files: float = 0.05
    min_snr_db: float = 30.0
    min_voiced_share: float = 0.75
    min_played_share: float = 0.25
    max_polyphonic_share: float = 0.02
    max_jumps_per_minute: float = 6.0
    level_spread_db: float = 10.0
    max_disagreeing_share: float = 0.2
    max_dc: float = 0.02
    max_mix_loss_db: float = 6.0
    min_range: int = 12
    min_loudness_spread_db: float = 6.0
    room_secs: float = 0.35
    max_room_secs: float = 1.0
    room_ratio: float = 2.5


LIMITS = Limits()


@dataclasses.dataclass(frozen=True)
class Finding:
    """One reason for the verdict.

    Args:
        weight: What it does to the grade.
        what: What was found, with the number.
        do: What to do about it.
    """

    weight: Weight
    what: str
    do: str


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The answer to 'is my data good?'."""

    grade: Grade
    findings: tuple[Finding, ...]

    @property
    def line(self) -> str:
        """The grade and the first thing to know, in one line."""
        serious = [one for one in self.findings if one.weight.is_serious]
        if not serious:
            return f"{self.grade}: nothing stands in the way of training"
        more = len(serious) - 1
        others = f" (and {more} more)" if more else ""
        return f"{self.grade}: {serious[0].what}{others}"

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as plain JSON values."""
        return {
            "grade": str(self.grade),
            "line": self.line,
            "findings": [
                {"weight": str(one.weight), "what": one.what, "do": one.do}
                for one in self.findings
            ],
        }


def judge_dataset(numbers: Mapping[str, Any], limits: Limits = LIMITS) -> Verdict:
    """Return the verdict on a dataset.

    Args:
        numbers: What `numbers_of` returns.
        limits: Where findings begin.
    """
    found = [
        *_amount(numbers, limits),
        *_held_out(numbers),
        *_refused(numbers, limits),
        *_sound(numbers, limits),
        *_playing(numbers, limits),
        *_next(numbers, limits),
        *_room(numbers, limits),
    ]
    order = list(Weight)
    found.sort(key=lambda one: order.index(one.weight))
    weights = {one.weight for one in found}
    grade = Grade.GOOD
    if Weight.WARN in weights:
        grade = Grade.USABLE
    if Weight.STOP in weights:
        grade = Grade.NOT_USABLE
    return Verdict(grade, tuple(found))


def _amount(numbers: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    """How much there is."""
    kept = numbers["minutes"]["train"]
    if numbers["failure"]:
        yield Finding(
            Weight.STOP,
            f"no dataset was made: {numbers['failure']}",
            "See below what was refused and why; record or choose other files.",
        )
    elif kept < limits.min_train_minutes:
        yield Finding(
            Weight.STOP,
            f"only {kept:.1f} minutes to train on",
            f"Record at least {limits.good_train_minutes:g} minutes.",
        )
    elif kept < limits.good_train_minutes:
        yield Finding(
            Weight.WARN,
            f"{kept:.1f} minutes to train on; {limits.good_train_minutes:g} to 20 make"
            " a good instrument",
            f"Record {limits.good_train_minutes - kept:.0f} minutes more or longer: the"
            " same instrument, room and microphone.",
        )


def _held_out(numbers: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether what is held out can be trusted."""
    overlap = numbers["leakage"]["overlap_secs"]
    if overlap:
        yield Finding(
            Weight.STOP,
            f"{overlap:g} s are in both train and eval",
            "This is a defect of Luthier: please report it.",
        )
    if not numbers["failure"] and not numbers["minutes"]["eval"]:
        yield Finding(
            Weight.WARN,
            "nothing is held out to evaluate with",
            "Add recordings; with one short file there is nothing to hold out.",
        )


def _refused(numbers: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    minutes = numbers["minutes"]
    share = minutes["refused"] / minutes["found"] if minutes["found"] else 0.0
    if share > limits.max_refused_share and not numbers["failure"]:
        yield Finding(
            Weight.WARN,
            f"{share:.0%} of what was found is refused",
            "The table of losses says which files, and why.",
        )


def _sound(numbers: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    """Faults of the recordings themselves."""
    clipped = numbers["clipping"]
    if clipped["share_of_secs"] > limits.max_clipped_files:
        yield Finding(
            Weight.WARN,
            f"{_files(clipped['n_files'])} clipped"
            f" ({clipped['share_of_secs']:.0%} of the time)",
            "The model learns the distortion. Record again with the level 6 dB lower,"
            " or leave these files out.",
        )
    snr = numbers["noise"]["snr_db"]
    is_played = (numbers["playing"]["voiced_share"] or 0.0) >= limits.min_played_share
    if snr is not None and snr < limits.min_snr_db and is_played:
        yield Finding(
            Weight.WARN,
            f"noise lies {snr:.0f} dB below the playing; {limits.min_snr_db:.0f} dB or"
            " more is clean",
            "Move closer, switch off fans, and do not denoise strongly: artefacts are"
            " learnt too.",
        )
    level = numbers["level"]
    if level["share_disagreeing"] > limits.max_disagreeing_share:
        yield Finding(
            Weight.WARN,
            f"{_files(level['n_disagreeing'])} more than"
            f" {limits.level_spread_db:.0f} dB from the median level",
            "Loudness is what the model is played by: record all in one set-up, or"
            " bring the files to one level by hand.",
        )
    for name, do in (
        ("dc", "A constant offset is of the interface; a high-pass filter removes it."),
        ("mix_loss", "Give one channel instead of a mix that cancels itself."),
        ("one_sided", "One channel is empty; the mix is 6 dB softer than the other."),
        ("narrow", "Such files have nothing above their own band; take the originals."),
    ):
        files = numbers["faults"][name]
        if files["n_files"]:
            weight = Weight.HINT if name == "one_sided" else Weight.WARN
            yield Finding(weight, files["text"], do)


def _playing(numbers: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    """What is played, and whether its pitch can be followed."""
    playing = numbers["playing"]
    voiced = playing["voiced_share"]
    if voiced is not None and voiced < limits.min_voiced_share:
        yield Finding(
            Weight.WARN,
            f"only {voiced:.0%} of what sounds has a clear pitch",
            "Leave out speech, drums and breath; or try --pitch crepe-full.",
        )
    polyphonic = playing["polyphonic_share"]
    if polyphonic is not None and polyphonic > limits.max_polyphonic_share:
        yield Finding(
            Weight.WARN,
            f"more than one note sounds in {polyphonic:.0%} of the time",
            "The model plays one note at a time: record single lines, damp strings that"
            " ring on, or separate the voices first.",
        )
    jumps = playing["octave_jumps_per_minute"]
    if jumps is not None and jumps > limits.max_jumps_per_minute:
        yield Finding(
            Weight.WARN,
            f"the pitch jumps by an octave or fifth and back {jumps:.0f} times"
            " a minute",
            "The tracker is unsure: try --pitch crepe-full.",
        )


def _next(numbers: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    """What to record next, were it good already."""
    pitch, spread = numbers["pitch"], numbers["loudness_spread_db"]
    if pitch["gaps"]:
        yield Finding(
            Weight.NEXT,
            ", ".join(pitch["gaps"][:3]),
            f"Record the missing notes, soft and loud, from {pitch['lowest']} to"
            f" {pitch['highest']}.",
        )
    if pitch["n_semitones"] is not None and pitch["n_semitones"] < limits.min_range:
        yield Finding(
            Weight.NEXT,
            f"all notes lie between {pitch['lowest']} and {pitch['highest']}",
            "The instrument will sound right only there: record the rest of its range.",
        )
    if pitch["scarce"]:
        listed = ", ".join(f"{one['note']} {one['secs']} s" for one in pitch["scarce"])
        yield Finding(
            Weight.NEXT,
            f"heard least: {listed}",
            "Record these notes, soft and loud, and what lies beyond"
            f" {pitch['lowest']} and {pitch['highest']} if it is to be played.",
        )
    if spread is not None and spread < limits.min_loudness_spread_db:
        yield Finding(
            Weight.NEXT,
            f"soft and loud are only {spread:.0f} dB apart",
            "Record the softest and the loudest playing: others' dynamics will be"
            " guessed.",
        )


def _room(numbers: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    """The room, and whether it is one room."""
    room = numbers["room"]
    secs = room["rt60_secs"]
    if secs is not None and secs > limits.max_room_secs:
        yield Finding(
            Weight.WARN,
            f"the room rings for about {secs:.1f} s",
            "Echoes of the note before blur the pitch: record closer or in a smaller"
            " room.",
        )
    elif secs is not None and secs >= limits.room_secs:
        yield Finding(
            Weight.HINT,
            f"the room rings for about {secs:.1f} s",
            "Train with the reverb, as the default config does: it takes the room, and"
            " the instrument stays dry.",
        )
    if room["rooms_differ"]:
        yield Finding(
            Weight.WARN,
            "the recordings seem to be from different rooms",
            "A model learns one room: prepare each room's recordings on their own.",
        )


def _files(n: int) -> str:
    return "1 file is" if n == 1 else f"{n} files are"
