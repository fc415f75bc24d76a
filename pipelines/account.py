"""The account of every second: what `sources.jsonl` and `rejected.jsonl` say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from ddsp_core.manifest import SPLITS
from ddsp_core.spec import ExampleSpec, Padding
from pipelines.elements import Judged, Planned, Recording, Rejected
from pipelines.windows import covered_frames

GUARD: Final = "guard between train and eval"
TAIL: Final = "less than one frame left at the end"


@dataclasses.dataclass(frozen=True)
class Interval:
    """A stretch of a recording and what became of it.

    Args:
        start: First sample, at the recording's own rate.
        stop: One past the last sample.
        use: 'train', 'eval', 'guard' or 'refused'.
        reason: Why it is not used; empty if it is.
    """

    start: int
    stop: int
    use: str
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the stretch as plain JSON values."""
        return dataclasses.asdict(self) | {"reason": self.reason or None}


def intervals(planned: Planned, spec: ExampleSpec) -> list[Interval]:
    """Return what became of each sample of a recording; the intervals tile it.

    A moment that any example holds is kept; else it is guard if only the guard wanted
    it, else it has the reason of the first window that was refused there.
    """
    recording, judged = planned.recording, planned.judged
    n_frames = judged.n_frames
    if judged.reason:
        return [Interval(0, recording.n_samples, "refused", judged.reason)]
    labels = [("train", ""), ("eval", ""), ("guard", GUARD), ("refused", TAIL)]
    labels.append(("refused", _left_over(planned, spec)))
    labels += [("refused", reason) for reason, _ in judged.refused_for]
    at = np.full(n_frames + 1, labels.index(("refused", TAIL)))
    at[: n_frames - (spec.padding is Padding.CENTER)] = 4
    for start, reason in reversed(judged.refused):
        at[start : start + spec.n_intervals] = labels.index(("refused", reason))
    guard = covered_frames(planned.guard, spec.n_intervals)
    eval_, train = (planned.covered(split, spec) for split in ("eval", "train"))
    for label, stretches in ((2, guard), (1, eval_), (0, train)):
        for start, stop in stretches:
            at[start:stop] = label
    borders = np.flatnonzero(np.diff(at)) + 1
    frames = [0, *borders.tolist(), n_frames + 1]
    rate = recording.sample_rate
    samples = [frame * rate // spec.frame_rate for frame in frames[:-1]]
    samples.append(recording.n_samples)
    return [
        Interval(start, stop, *labels[at[frame]])
        for start, stop, frame in zip(samples, samples[1:], frames, strict=False)
        if stop > start
    ]


def _left_over(planned: Planned, spec: ExampleSpec) -> str:
    """Why whole frames that nothing refused are in no example."""
    if not planned.judged.is_joinable:
        return "between two windows: the example hop is longer than an example"
    return (
        f"too short: {planned.recording.secs:.3g} s, and all short files of its split"
        f" together do not fill an example of {spec.example_secs:g} s"
    )


def source_row(
    planned: Planned, spec: ExampleSpec, licence: str | None
) -> dict[str, Any]:
    """Return the line of `sources.jsonl` of one recording.

    Raises:
        RuntimeError: The account does not add up: a defect.
    """
    recording, scan = planned.recording, planned.recording.scan
    parts = intervals(planned, spec)
    total = sum(part.stop - part.start for part in parts)
    ends = [part.stop for part in parts[:-1]]
    if total != recording.n_samples or ends != [part.start for part in parts[1:]]:
        raise RuntimeError(
            f"{recording.source!r}: {recording.n_samples} samples read,"
            f" {total} accounted for"
        )
    splits = [name for name in SPLITS if planned.covered(name, spec)]
    return {
        "source": recording.source,
        "source_key": recording.key,
        "sha256": scan.sha256,
        "file_sha256": recording.file_sha256,
        "codec": scan.info.codec,
        "sample_format": scan.info.sample_format,
        "sample_rate": recording.sample_rate,
        "n_channels": scan.info.n_channels,
        "n_samples": recording.n_samples,
        "duration_secs": round(recording.secs, 6),
        "peak": round(float(scan.peak), 4),
        "dc": round(float(scan.dc), 4),
        "n_nonfinite": int(scan.n_nonfinite),
        "note": _note(recording),
        "quality": quality_entry(planned.judged, spec.frame_rate),
        "licence": licence,
        "split": "+".join(splits) or None,
        "is_joined": bool(planned.joined),
        "n_examples": {name: len(getattr(planned, name)) for name in SPLITS},
        "intervals": [part.to_json() for part in parts],
    }


def _note(recording: Recording) -> str | None:
    """Say why a recording is shorter than its file should be."""
    scan = recording.scan
    if scan.error:
        return f"the decoder stopped: {plain(scan.error, recording.source)}"
    return scan.info.remark or None


def quality_entry(judged: Judged, frame_rate: int) -> dict[str, Any]:
    """Return what was measured of one recording; levels in dB of full scale.

    Args:
        judged: With the counts of its frames, if any were measured.
        frame_rate: In Hz.

    Returns:
        `None` stands for what could not be measured: in silence, in a recording that
        was refused before, or with too few notes that end.
    """
    scan, frames = judged.recording.scan, judged.quality
    entry: dict[str, Any] = {
        "rms_db": scan.rms_db,
        "clipped_share": scan.clipped_share,
        "n_clipped": scan.n_clipped,
        "clipped": [list(part) for part in scan.clipped],
        "stereo": str(scan.stereo),
        "mix_loss_db": scan.mix_loss_db,
    }
    if frames is None:
        return entry | {"level_db": None, "noise_floor_db": None, "room_secs": None}
    silent = frames.n_frames - frames.n_loud
    minutes = frames.n_sounding / frame_rate / 60
    jumps = round(frames.n_jumps / minutes, 2) if frames.n_sounding else 0.0
    return entry | {
        "level_db": frames.level_db,
        "noise_floor_db": frames.noise_floor_db,
        "room_secs": frames.room_secs,
        "voiced_secs": round(frames.n_sounding / frame_rate, 3),
        "silent_secs": round(silent / frame_rate, 3),
        "unpitched_secs": round(frames.n_unpitched / frame_rate, 3),
        "polyphonic_secs": round(frames.n_polyphonic / frame_rate, 3),
        "octave_jumps_per_minute": jumps,
    }


def plain(reason: str, source: str) -> str:
    """Return a reason without the path, which stands beside it.

    >>> plain("'a/b.wav' is empty", "a/b.wav")
    'it is empty'
    """
    return reason.replace(repr(source), "it")


def refusals(rows: Iterable[dict[str, Any]]) -> list[Rejected]:
    """Return what `sources.jsonl` says is refused, for `rejected.jsonl`."""
    found = []
    for row in rows:
        rate = row["sample_rate"]
        if row["note"]:
            reason = f"{row['note']}; what came before is used"
            found.append(
                Rejected(
                    row["source"], "decode", reason, start_secs=row["duration_secs"]
                )
            )
        for part in row["intervals"]:
            # The last part of a frame is no refusal; sources.jsonl has it.
            if part["use"] == "refused" and part["reason"] != TAIL:
                found.append(
                    Rejected(
                        row["source"],
                        "plan",
                        part["reason"],
                        start_secs=round(part["start"] / rate, 6),
                        end_secs=round(part["stop"] / rate, 6),
                    )
                )
    return found


def rejected_row(rejected: Rejected) -> dict[str, Any]:
    """Return the line of `rejected.jsonl`."""
    row: dict[str, Any] = {
        "source": rejected.source,
        "stage": rejected.stage,
        "reason": rejected.reason,
        "is_audio": rejected.is_audio,
    }
    if rejected.start_secs is not None:
        row |= {"start_secs": rejected.start_secs, "end_secs": rejected.end_secs}
    return row
