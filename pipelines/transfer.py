"""Transfer of many files: one that can't be played does not end the job."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ddsp_core import io
from ddsp_core.checkpoints import open_model
from ddsp_core.errors import AudioError, UsageError
from ddsp_core.transfer.options import TransferOptions
from ddsp_core.transfer.play import Transfer, Transferred
from pipelines.sources import find_sources

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Failed:
    """An input that gave no output.

    Args:
        source: Its path.
        reason: For people.
    """

    source: str
    reason: str


def transfer(
    model: str | os.PathLike[str],
    inputs: Sequence[str],
    out: Path,
    options: TransferOptions,
) -> tuple[list[Transferred], list[Failed]]:
    """Play files through a model.

    Args:
        model: Training or model directory, or checkpoint prefix.
        inputs: Files, folders or globs.
        out: Folder of the WAV files; each has the name of its input.
        options: How to fit sources to the model.

    Returns:
        What was played, and what could not be.

    Raises:
        UsageError: An input matches nothing, or none could be played.
        CheckpointError: The model can't be restored.
        StorageError: The disk is full or failed, or an input is on `gs://`.
    """
    local = [os.fspath(io.local_path(given)) for given in inputs]
    candidates, rejected = find_sources(local, str(out))
    failed = [Failed(row.source, row.reason) for row in rejected if row.is_audio]
    player = Transfer(open_model(model)) if candidates else None
    done: list[Transferred] = []
    names = output_names([one.source for one in candidates])
    for source, name in names.items():
        if player is None:
            break
        _log.info("playing %s", source)
        try:
            done.append(player.play(source, out / name, options))
        except AudioError as error:
            _log.warning("%s", error)
            failed.append(Failed(source, str(error)))
    if not done:
        reasons = "; ".join(f"{one.source}: {one.reason}" for one in failed[:3])
        raise UsageError(
            f"none of {', '.join(map(repr, inputs))} could be played"
            f" ({reasons or 'no audio files there'}); needed audio files"
        )
    return done, failed


def output_names(sources: Sequence[str]) -> dict[str, str]:
    """Give each source a WAV name of its own: its own name, or that and a number.

    >>> output_names(["a/x.flac", "b/x.wav"])
    {'a/x.flac': 'x.wav', 'b/x.wav': 'x_2.wav'}
    """
    names: dict[str, str] = {}
    for source in sources:
        stem, n = Path(source).stem, 1
        name = f"{stem}.wav"
        while name in names.values():
            n += 1
            name = f"{stem}_{n}.wav"
        names[source] = name
    return names
