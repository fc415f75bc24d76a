"""Which recordings, or parts of them, are held out: pure functions of the judged."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from ddsp_core.audio.blocks import CONTEXT_SECS
from ddsp_core.manifest import SplitPolicy
from ddsp_core.spec import ExampleSpec
from pipelines.elements import Judged, Planned
from pipelines.options import PrepareOptions
from pipelines.windows import Starts, covered_secs

MAX_EVAL_FRACTION: Final = 0.5


@dataclasses.dataclass(frozen=True)
class SplitRule:
    """How examples are held out.

    Args:
        policy: By recording, by the tail of each recording, or as the user named.
        fraction: Share of the recordings, or of each recording's windows.
    """

    policy: SplitPolicy
    fraction: float

    def to_json(self) -> dict[str, Any]:
        """Return the rule as plain JSON values."""
        return {"policy": str(self.policy), "fraction": self.fraction}


def split(
    recordings: Sequence[Judged], options: PrepareOptions, kept_rule: SplitRule | None
) -> tuple[SplitRule, list[Planned]]:
    """Divide recordings between the splits.

    By recording (or group of recordings) if that holds out enough, else the last part
    of each recording.

    Args:
        recordings: All of them.
        options: Spec and split choices.
        kept_rule: The rule of the dataset that this one replaces.
    """
    if options.holdout is not None:
        rule = SplitRule(SplitPolicy.GIVEN, options.eval_fraction)
        return rule, [
            _whole(one, options.is_held_out(one.recording.source)) for one in recordings
        ]
    if kept_rule is not None and kept_rule.policy is SplitPolicy.GIVEN:
        kept_rule = None  # the names are no longer given
    if kept_rule is None or kept_rule.policy is SplitPolicy.RECORDING:
        rule = kept_rule or SplitRule(SplitPolicy.RECORDING, options.eval_fraction)
        planned = [
            _whole(one, _position(one, options) < rule.fraction) for one in recordings
        ]
        eval_secs = sum(_secs(one, options.spec) for one in planned if _is_eval(one))
        is_enough = eval_secs >= options.min_eval_secs or kept_rule is not None
        if is_enough and _fills_examples(planned, "train", options.spec):
            return rule, planned
        kept_rule = None
    if options.group is not None and _n_units(recordings, options) > 1:
        # Parts of a group are not to be divided: the tail of one may be the middle of
        # another.
        rule = SplitRule(SplitPolicy.RECORDING, options.eval_fraction)
        whole = [_whole(one, is_eval=False) for one in recordings]
        return rule, _hold_out_first(whole, options)
    rule = kept_rule or SplitRule(SplitPolicy.TAIL, _tail_fraction(recordings, options))
    planned = [_tail(one, rule.fraction, options.spec) for one in recordings]
    if not any(one.eval for one in planned):
        planned = _hold_out_first(planned, options)
    return rule, planned


def _whole(judged: Judged, is_eval: bool) -> Planned:
    side = "eval" if is_eval else "train"
    train, held_out = (Starts(), judged.kept) if is_eval else (judged.kept, Starts())
    joined_to = side if judged.is_joinable else None
    return Planned(judged, train, held_out, guard=Starts(), joined_to=joined_to)


def _is_eval(planned: Planned) -> bool:
    return bool(planned.eval) or planned.joined_to == "eval"


def _is_train(planned: Planned) -> bool:
    return bool(planned.train) or planned.joined_to == "train"


def _fills_examples(planned: Sequence[Planned], side: str, spec: ExampleSpec) -> bool:
    """Is there an example in a split: a window, or enough short recordings?"""
    short = sum(one.judged.n_frames for one in planned if one.joined_to == side)
    return short >= spec.n_frames or any(getattr(one, side) for one in planned)


def _secs(planned: Planned, spec: ExampleSpec) -> float:
    """Seconds that a recording gives to examples."""
    judged = planned.judged
    if judged.is_joinable:
        return judged.n_frames / spec.frame_rate
    return covered_secs(judged.kept, spec)


def _unit(judged: Judged, options: PrepareOptions) -> str:
    """What is held out as one: the recording's content, or its group's name."""
    group = options.group_of(judged.recording.source)
    if group is None:
        return judged.recording.key
    return hashlib.sha256(group.encode(errors="surrogateescape")).hexdigest()


def _n_units(recordings: Iterable[Judged], options: PrepareOptions) -> int:
    return len({_unit(one, options) for one in recordings})


def _position(judged: Judged, options: PrepareOptions) -> float:
    """Where the digest of a recording's content, or group, lies, in [0, 1)."""
    return int(_unit(judged, options)[:8], 16) / 2**32


def _tail_fraction(recordings: Sequence[Judged], options: PrepareOptions) -> float:
    """The share of each recording that holds out `min_eval_secs`, half at most."""
    total = sum(covered_secs(one.kept, options.spec) for one in recordings)
    needed = options.min_eval_secs / total if total else 0.0
    return round(min(MAX_EVAL_FRACTION, max(options.eval_fraction, needed)), 4)


def _tail(judged: Judged, fraction: float, spec: ExampleSpec) -> Planned:
    """Hold out the last windows, behind a guard of one example and its context.

    What is too short to be divided is trained on whole.
    """
    kept, hop, length = judged.kept, spec.example_hop, spec.n_frames
    # The held-out stretch is the given share of all, and one window at the least.
    n_frames = fraction * covered_secs(kept, spec) * spec.frame_rate
    n_eval = 1 + max(0, math.ceil((n_frames - length) / hop))
    if n_eval >= len(kept):
        return _whole(judged, is_eval=False)
    first = kept[-n_eval]
    border = first - spec.n_frames - CONTEXT_SECS * spec.frame_rate
    train = Starts(start for start in kept if start + length <= border)
    if not train:
        return _whole(judged, is_eval=False)
    guard = Starts(start for start in kept[:-n_eval] if start + length > border)
    return Planned(judged, train=train, eval=kept[-n_eval:], guard=guard)


def _hold_out_first(
    planned: Sequence[Planned], options: PrepareOptions
) -> list[Planned]:
    """Where none can be divided: hold out those of lowest digest, never all."""
    secs: dict[str, float] = {}
    for one in planned:
        if _is_train(one):
            unit = _unit(one.judged, options)
            secs[unit] = secs.get(unit, 0.0) + _secs(one, options.spec)
    needed = min(options.min_eval_secs, MAX_EVAL_FRACTION * sum(secs.values()))
    held: set[str] = set()
    for unit in sorted(secs):
        if sum(secs[one] for one in held) >= needed:
            break
        divided = _divided(planned, held | {unit}, options)
        if _fills_examples(divided, "train", options.spec):
            held.add(unit)
    return _divided(planned, held, options)


def _divided(
    planned: Sequence[Planned], held: Collection[str], options: PrepareOptions
) -> list[Planned]:
    return [_whole(one.judged, _unit(one.judged, options) in held) for one in planned]
