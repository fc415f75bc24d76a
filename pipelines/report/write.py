"""Writing `report.html` and `report.json` beside a dataset or where there is none."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ddsp_core import io
from ddsp_core.manifest import NUMBERS_NAME, REPORT_NAME
from ddsp_core.spec import ExampleSpec
from pipelines.report.clips import (
    ClipCandidate,
    captions,
    features_of,
    pick,
    read_clip,
)
from pipelines.report.numbers import Material, numbers_of
from pipelines.report.page import Clip, page
from pipelines.report.pictures import picture, sound
from pipelines.report.verdict import Verdict, judge_dataset

FORMAT_VERSION: Final = 1
MOST_FOLDERS: Final = 3  # in the title


def write_report(
    directory: str | os.PathLike[str],
    material: Material,
    candidates: Sequence[ClipCandidate] = (),
    joined: Sequence[dict[str, Any]] = (),
) -> Verdict:
    """Write the report.

    Args:
        directory: Where the shards lie and the report goes.
        material: What the numbers are made of.
        candidates: Clips to choose from.
        joined: Rows of `joined.jsonl`.

    Raises:
        DatasetError: A shard is damaged.
        StorageError: The disk is full or cannot be written.
    """
    numbers = numbers_of(material)
    verdict = judge_dataset(numbers)
    picked = pick(candidates)
    texts = captions(picked, material.sources, joined, material.spec)
    clips = [
        _clip(kind, one, text, directory, material.spec)
        for (kind, one), text in zip(picked, texts, strict=True)
    ]
    listed = [
        {"kind": clip.kind, "score": clip.score, "from": clip.caption} for clip in clips
    ]
    report = {"format_version": FORMAT_VERSION, "verdict": verdict.to_json()}
    # Escaped, since names may hold bytes that are not text.
    plain = json.dumps(
        report | numbers | {"clips": listed}, indent=1, sort_keys=True, allow_nan=False
    )
    io.write_text(io.join(directory, NUMBERS_NAME), f"{plain}\n")
    text = page(title_of(material.sources), numbers, verdict, clips)
    io.write_text(io.join(directory, REPORT_NAME), text)
    return verdict


def title_of(sources: Sequence[Mapping[str, Any]]) -> str:
    """Return the names of the folders with recordings, or of what holds them all.

    >>> title_of([{"source": "in/sax/a.wav"}, {"source": "in/flute/b.wav"}])
    'flute, sax'
    """
    folders = sorted({os.path.dirname(row["source"]) for row in sources})
    names = sorted({os.path.basename(folder) for folder in folders})
    if len(names) > MOST_FOLDERS:
        pairs = zip(folders[0].split("/"), folders[-1].split("/"), strict=False)
        shared = itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)
        names = [name for name, _ in shared][-1:]
    return ", ".join(filter(None, names))


def _clip(
    kind: str,
    candidate: ClipCandidate,
    caption: str,
    directory: str | os.PathLike[str],
    spec: ExampleSpec,
) -> Clip:
    values = read_clip(candidate, directory, spec)
    return Clip(
        kind=kind,
        caption=caption,
        score=candidate.score,
        picture=picture(values["audio_16k"], features_of(values), spec.frame_rate),
        sound=sound(values["audio"], spec.sample_rate),
    )
