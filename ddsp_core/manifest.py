"""`DatasetManifest`: the `dataset.json` of a dataset directory, written last."""

from __future__ import annotations

import dataclasses
import enum
import json
import os
from typing import Any, Final

from ddsp_core import io
from ddsp_core.errors import DatasetError, SpecError
from ddsp_core.spec import ExampleSpec

MANIFEST_NAME: Final = "dataset.json"
# Beside it, where `luthier prepare` made the dataset.
REPORT_NAME: Final = "report.html"
NUMBERS_NAME: Final = "report.json"
FORMAT_VERSION: Final = 1
SPLITS: Final = ("train", "eval")


class SplitPolicy(enum.StrEnum):
    """How examples came to be held out."""

    RECORDING = "recording"  # whole recordings, by the digest of their content
    TAIL = "tail"  # the last part of each recording, with a guard before it
    GIVEN = "given"  # the recordings that the user named


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file of fixed-length records.

    Args:
        name: File name inside the dataset directory.
        n_records: Records in it.
        sha256: Of its bytes.
    """

    name: str
    n_records: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class DatasetManifest:
    """What a dataset directory is; a directory without it is not a dataset.

    Args:
        spec: Of every example.
        record_length: Bytes of one serialized example; the same for all, so that the
            k-th record of a shard starts at k * (record_length + 16) + 12.
        split_policy: How examples came to be held out.
        shards: By split name; training reads 'train', evaluation 'eval'.
        fingerprint: Over sources, options, feature versions and example ids.
        details: Facts for people: options, split parameters, package versions.
    """

    spec: ExampleSpec
    record_length: int
    split_policy: SplitPolicy
    shards: dict[str, tuple[Shard, ...]]
    fingerprint: str
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    def n_records(self, split: str) -> int:
        """Return how many examples a split holds."""
        return sum(shard.n_records for shard in self.split(split))

    def split(self, name: str) -> tuple[Shard, ...]:
        """Return the shards of a split.

        Raises:
            DatasetError: There is no such split.
        """
        if name not in self.shards:
            raise DatasetError(
                f"no split {name!r} in this dataset; it has {sorted(self.shards)}"
            )
        return self.shards[name]

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write `dataset.json`; call it when all else is in place."""
        data = {
            "format_version": FORMAT_VERSION,
            "spec": self.spec.to_json(),
            "record_length": self.record_length,
            "split_policy": str(self.split_policy),
            "splits": {
                name: [dataclasses.asdict(shard) for shard in shards]
                for name, shards in self.shards.items()
            },
            "fingerprint": self.fingerprint,
            "details": self.details,
        }
        io.write_json(io.join(directory, MANIFEST_NAME), data)

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> DatasetManifest:
        """Read the manifest of a dataset directory.

        Raises:
            DatasetError: There is none, it is damaged, or of a newer format.
        """
        path = io.join(directory, MANIFEST_NAME)
        if not io.is_file(path):
            what = "has no dataset.json" if io.is_dir(directory) else "does not exist"
            raise DatasetError(
                f"{directory} {what}: it is not a finished dataset; make one with"
                f" `luthier prepare INPUT --out {directory}`"
            )
        try:
            data = io.read_json(path)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DatasetError(
                f"{path} is damaged: {error}; prepare it again"
            ) from error
        try:
            return cls._from_json(data, path)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, DatasetError | SpecError):
                raise
            raise DatasetError(
                f"{path} is damaged: {error!r}; prepare the dataset again"
            ) from error

    @classmethod
    def _from_json(cls, data: Any, path: str) -> DatasetManifest:
        version = data.get("format_version") if isinstance(data, dict) else None
        if version != FORMAT_VERSION:
            raise DatasetError(
                f"{path} has format version {version!r}, this program reads"
                f" {FORMAT_VERSION}; prepare the dataset again or upgrade luthier"
            )
        shards = {
            name: tuple(_shard(row, path) for row in rows)
            for name, rows in data["splits"].items()
        }
        return cls(
            spec=ExampleSpec.from_json(data["spec"], where=path),
            record_length=int(data["record_length"]),
            split_policy=SplitPolicy(data["split_policy"]),
            shards=shards,
            fingerprint=str(data["fingerprint"]),
            details=dict(data["details"]),
        )

    def problems(
        self, directory: str | os.PathLike[str], check_bytes: bool = False
    ) -> list[str]:
        """Return what is wrong with the shards; empty for a whole dataset.

        Args:
            directory: Where the manifest was read.
            check_bytes: Also compare every shard's sha256 (reads all of it).
        """
        found = []
        for shard in (s for shards in self.shards.values() for s in shards):
            path = io.join(directory, shard.name)
            size = shard.n_records * (self.record_length + 16)
            if not io.is_file(path):
                found.append(f"{shard.name} is missing")
            elif io.entry(path).size != size:
                found.append(
                    f"{shard.name} has {io.entry(path).size} bytes, needed {size}"
                    f" ({shard.n_records} records of {self.record_length})"
                )
            elif check_bytes and io.sha256_file(path) != shard.sha256:
                found.append(f"{shard.name} has other bytes than dataset.json says")
        return found


def _shard(row: Any, path: str) -> Shard:
    """Read one shard's entry; a name may not lead out of the directory."""
    shard = Shard(str(row["name"]), int(row["n_records"]), str(row["sha256"]))
    if os.path.basename(shard.name) != shard.name or shard.n_records < 0:
        raise DatasetError(
            f"{path}: shard {shard.name!r} with {shard.n_records} records; needed a"
            " plain file name in the same directory and a count of 0 or more"
        )
    return shard
