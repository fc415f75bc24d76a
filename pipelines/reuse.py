"""Shards that an interrupted preparation finished: taken over if they are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ddsp_core import io
from ddsp_core.errors import StorageError
from ddsp_core.manifest import Shard
from pipelines.elements import JoinedExample, ShardPlan
from pipelines.stored import FILL_REVISION

if TYPE_CHECKING:
    from pipelines.runtime import Job


def shard_digest(plan: ShardPlan, defining: Mapping[str, Any]) -> str:
    """Return a digest of all that decides the bytes of a shard.

    Args:
        plan: Which examples, in which order.
        defining: Spec, versions, gain: plain JSON values.
    """
    text = json.dumps(dict(defining), sort_keys=True)
    digest = hashlib.sha256(f"{text}\n{plan.split}".encode())
    for window in plan.windows:
        if isinstance(window, JoinedExample):
            line = f"joined {window.key}"
        else:
            line = f"{plan.recordings[window[0]].key} {window[1]}"
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def finished(plan: ShardPlan, digest: str, directory: str) -> Shard | None:
    """Return the shard of that name and digest if it is there, whole.

    Raises:
        StorageError: The network failed.
    """
    path = io.join(directory, plan.name)
    try:
        note = io.read_json(_note(path))
        shard = Shard(plan.name, len(plan.windows), str(note["sha256"]))
        if note["plan"] == digest and io.sha256_file(path) == shard.sha256:
            return shard
    except StorageError:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def note_finished(shard: Shard, digest: str, directory: str) -> None:
    """Leave beside a shard what it was made of.

    Raises:
        StorageError: The disk is full or failed.
    """
    note = {"plan": digest, "sha256": shard.sha256}
    io.write_json(_note(io.join(directory, shard.name)), note)


def defining_of(job: Job) -> dict[str, Any]:
    """Return what decides the bytes of every shard of a job."""
    from pipelines.finish import versions

    options = job.options
    return {
        "spec": options.spec.to_json(),
        "features": job.versions,
        "fill": FILL_REVISION,
        "gain_db": options.gain_db or 0.0,
        "packages": versions(),
    }


def _note(path: str) -> str:
    return f"{path}.finished"
