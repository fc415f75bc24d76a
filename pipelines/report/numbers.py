"""The numbers of the report: plain JSON values from the account and merged counts."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ddsp_core.quality import CONFIDENCE_STEP, LOUDNESS_STEP_DB, Quality, quantile
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import Statistics
from pipelines.account import TAIL
from pipelines.report.leakage import Leakage
from pipelines.report.notes import note_name, pitch_gaps, pitch_range, scarce_notes
from pipelines.report.verdict import LIMITS, Limits

Row = Mapping[str, Any]

MOST_FILES: Final = 20  # names of files in any list; all are in sources.jsonl
MIN_ROOM_FILES: Final = 5  # fewer estimates do not show that rooms differ


@dataclasses.dataclass(frozen=True)
class Material:
    """What the numbers are made of.

    Args:
        sources: Rows of `sources.jsonl`.
        refused: Rows of `rejected.jsonl` that are of whole files.
        quality: Counts of all frames that were measured.
        statistics: Of the training frames.
        leakage: Of both splits.
        spec: Of the examples.
        failure: Why there is no dataset; empty if there is one.
    """

    sources: Sequence[Row]
    refused: Sequence[Row]
    quality: Quality
    statistics: Statistics
    leakage: Leakage
    spec: ExampleSpec
    failure: str = ""


def numbers_of(material: Material, limits: Limits = LIMITS) -> dict[str, Any]:
    """Return all numbers of the report.

    Args:
        material: Of one preparation.
        limits: Where files are listed as faulty.
    """
    frames = material.quality
    return {
        "failure": material.failure,
        "spec": material.spec.to_json(),
        "minutes": _minutes(material.sources),
        "losses": _losses(material.sources),
        "files": _files(material),
        "formats": _formats(material.sources),
        "level": _level(material.sources, frames, limits),
        "clipping": _clipping(material.sources, limits),
        "faults": _faults(material, limits),
        "noise": _noise(frames),
        "playing": _playing(frames, material.spec.frame_rate),
        "pitch": _pitch(material),
        "loudness_spread_db": _spread(frames.loudness, LOUDNESS_STEP_DB),
        "loudness": _histogram(
            frames.loudness, LOUDNESS_STEP_DB, material.spec.frame_rate
        ),
        "confidence": _histogram(
            frames.confidence, CONFIDENCE_STEP, material.spec.frame_rate
        ),
        "room": _room(material.sources, frames, limits),
        "duplicates": _duplicates(material.refused),
        "leakage": dataclasses.asdict(material.leakage),
    }


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _secs(row: Row) -> float:
    return float(row["duration_secs"])


def _minutes(rows: Sequence[Row]) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    for row in rows:
        for part in row["intervals"]:
            total[part["use"]] += (part["stop"] - part["start"]) / row["sample_rate"]
    uses = ("train", "eval", "guard", "refused")
    found = {use: round(total[use] / 60, 3) for use in uses}
    return {"found": round(sum(total.values()) / 60, 3)} | found


def _losses(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Seconds that are not used by reason, the largest first, with the files."""
    secs: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        for part in row["intervals"]:
            if part["use"] == "refused" and part["reason"] != TAIL:
                # "too short: 2.5 s, ..." and the like count as one reason.
                reason = part["reason"].split(":")[0]
                lost = (part["stop"] - part["start"]) / row["sample_rate"]
                secs[reason][row["source"]] += lost
    rows_out = [
        {
            "reason": reason,
            "secs": round(sum(files.values()), 3),
            "n_files": len(files),
            "files": [
                {"source": name, "secs": round(lost, 3)}
                for name, lost in sorted(files.items(), key=_largest)[:MOST_FILES]
            ],
        }
        for reason, files in secs.items()
    ]
    return sorted(rows_out, key=lambda row: (-row["secs"], row["reason"]))


def _files(material: Material) -> dict[str, Any]:
    failed = [
        r for r in material.refused if r["is_audio"] and r["stage"] != "duplicate"
    ]
    return {
        "n_recordings": len(material.sources),
        "n_used": sum(row["split"] is not None for row in material.sources),
        "n_refused": len({row["source"] for row in failed}),
        "refused": [
            {"source": row["source"], "reason": row["reason"]}
            for row in sorted(failed, key=_by_source)[:MOST_FILES]
        ],
        "n_not_audio": sum(not row["is_audio"] for row in material.refused),
    }


def _formats(rows: Sequence[Row]) -> list[dict[str, Any]]:
    found: Counter[tuple[Any, ...]] = Counter()
    secs: dict[tuple[Any, ...], float] = defaultdict(float)
    for row in rows:
        stereo = row["quality"]["stereo"]
        key = (row["sample_rate"], row["sample_format"], row["n_channels"], stereo)
        found[key] += 1
        secs[key] += _secs(row)
    names = ("sample_rate", "sample_format", "n_channels", "stereo")
    return [
        dict(zip(names, key, strict=True))
        | {"n_files": found[key], "secs": round(secs[key], 3)}
        for key in sorted(found, key=lambda key: (-secs[key], str(key)))
    ]


def _level(rows: Sequence[Row], frames: Quality, limits: Limits) -> dict[str, Any]:
    median, total = frames.level_db, sum(map(_secs, rows))
    apart = [
        row
        for row in rows
        if median is not None
        and row["quality"]["level_db"] is not None
        and abs(row["quality"]["level_db"] - median) > limits.level_spread_db
    ]
    listed = sorted(
        apart,
        key=lambda r: (-abs(r["quality"]["level_db"] - (median or 0.0)), r["source"]),
    )
    return {
        "median_db": median,
        "share_disagreeing": _share(sum(map(_secs, apart)), total),
        "disagreeing": [
            {"source": row["source"], "level_db": row["quality"]["level_db"]}
            for row in listed[:MOST_FILES]
        ],
        "n_disagreeing": len(apart),
    }


def _clipping(rows: Sequence[Row], limits: Limits) -> dict[str, Any]:
    total = sum(map(_secs, rows))
    share = {row["source"]: row["quality"]["clipped_share"] for row in rows}
    clipped = [row for row in rows if share[row["source"]] > limits.max_clipped_share]
    worst = sorted(share.items(), key=_largest)[:MOST_FILES]
    return {
        "n_files": len(clipped),
        "share_of_secs": _share(sum(map(_secs, clipped)), total),
        "files": [{"source": s, "clipped_share": part} for s, part in worst if part],
    }


def _faults(material: Material, limits: Limits) -> dict[str, Any]:
    """Files with faults that are counted only."""
    rate = material.spec.sample_rate
    tests = {
        "dc": (
            "with a constant offset",
            lambda row: abs(row["dc"]) > limits.max_dc,
        ),
        "mix_loss": (
            "with channels that cancel each other",
            lambda row: row["quality"]["mix_loss_db"] > limits.max_mix_loss_db,
        ),
        "one_sided": (
            "with sound in one channel only",
            lambda row: row["quality"]["stereo"] == "one-sided",
        ),
        "narrow": (
            f"with a lower rate than the dataset's {rate} Hz",
            lambda row: row["sample_rate"] < rate,
        ),
    }
    faults = {}
    for name, (text, is_faulty) in tests.items():
        files = sorted(row["source"] for row in material.sources if is_faulty(row))
        faults[name] = {
            "n_files": len(files),
            "text": f"{counted(len(files), 'file')} {text}",
            "files": files[:MOST_FILES],
        }
    return faults


def _noise(frames: Quality) -> dict[str, Any]:
    floor, level = frames.noise_floor_db, frames.level_db
    is_known = floor is not None and level is not None
    return {
        "floor_db": floor,
        "snr_db": round((level or 0.0) - (floor or 0.0), 2) if is_known else None,
    }


def _playing(frames: Quality, frame_rate: int) -> dict[str, Any]:
    minutes = frames.n_sounding / frame_rate / 60
    return {
        "measured_minutes": round(frames.n_frames / frame_rate / 60, 3),
        "silent_share": _share(frames.n_frames - frames.n_loud, frames.n_frames),
        "voiced_share": _share(frames.n_sounding, frames.n_loud, None),
        "unpitched_share": _share(frames.n_unpitched, frames.n_loud, None),
        "polyphonic_share": _share(frames.n_polyphonic, frames.n_loud, None),
        "octave_jumps_per_minute": round(frames.n_jumps / minutes, 2)
        if minutes
        else None,
        "median_confidence": quantile(frames.confidence, 0.5, CONFIDENCE_STEP),
    }


def _pitch(material: Material) -> dict[str, Any]:
    rate = material.spec.frame_rate
    found: Counter[int] = Counter()
    for key, count in material.quality.pitch.items():
        found[(key + 1) // 2] += count  # from half semitones, upwards
    trained: Counter[int] = Counter()
    for key, count in material.statistics.f0_midi.counts.items():
        trained[(key + 50) // 100] += count
    secs = {note: count / rate for note, count in trained.items()}
    ends = pitch_range(secs)
    return {
        "found_secs": {str(n): round(found[n] / rate, 3) for n in sorted(found)},
        "trained_secs": {str(n): round(secs[n], 3) for n in sorted(secs)},
        "lowest": note_name(ends[0]) if ends else None,
        "highest": note_name(ends[1]) if ends else None,
        "n_semitones": ends[1] - ends[0] + 1 if ends else None,
        "gaps": [gap.text for gap in pitch_gaps(secs)],
        "scarce": [
            {"note": note_name(n), "secs": round(secs[n], 1)}
            for n in scarce_notes(secs)
        ],
    }


def _spread(bins: Mapping[int, int], step: float) -> float | None:
    """The distance of the 10th percentile to the 90th."""
    low, high = quantile(bins, 0.1, step), quantile(bins, 0.9, step)
    return None if low is None or high is None else round(high - low, 2)


def _histogram(
    bins: Mapping[int, int], step: float, frame_rate: int
) -> list[tuple[float, float]]:
    """(value, seconds) of every bin."""
    return [
        (round(k * step, 4), round(n / frame_rate, 3)) for k, n in sorted(bins.items())
    ]


def _room(rows: Sequence[Row], frames: Quality, limits: Limits) -> dict[str, Any]:
    secs = frames.room_secs
    of_files = sorted(
        row["quality"]["room_secs"]
        for row in rows
        if row["quality"]["room_secs"] is not None
    )
    is_many = len(of_files) >= MIN_ROOM_FILES
    low, high = (
        (of_files[len(of_files) // 10], of_files[-1 - len(of_files) // 10])
        if is_many
        else (0.0, 0.0)
    )
    least = max(low, limits.room_secs)
    return {
        "rt60_secs": secs,
        "kind": "unknown" if secs is None else _kind(secs, limits),
        "train_reverb": None if secs is None else secs >= limits.room_secs,
        "n_decays": sum(frames.decay.values()),
        "rooms_differ": is_many and high > limits.room_ratio * least,
    }


def _kind(secs: float, limits: Limits) -> str:
    return "room" if secs >= limits.room_secs else "dry"


def _duplicates(refused: Iterable[Row]) -> dict[str, Any]:
    rows = sorted((r for r in refused if r["stage"] == "duplicate"), key=_by_source)
    return {
        "n_files": len(rows),
        "files": [
            {"source": row["source"], "reason": row["reason"]}
            for row in rows[:MOST_FILES]
        ],
    }


def _share(part: float, whole: float, without: float | None = 0.0) -> float | None:
    """Return a share to 1e-4; `without` where there is nothing."""
    return round(part / whole, 4) if whole else without


def _largest(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]


def _by_source(row: Row) -> tuple[str, str]:
    return row["source"], row["reason"]
