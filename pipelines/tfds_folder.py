"""`features.json` and `dataset_info.json`: what TFDS needs to read a dataset directory.

They are written from the spec, without TFDS, so that they hold no date and cost no
import; a test compares them with what `tfds.folder_dataset.write_metadata` writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

from ddsp_core import io
from ddsp_core.codec import FRAMING_LENGTH
from ddsp_core.manifest import DatasetManifest
from ddsp_core.spec import EXAMPLE_ID, ExampleSpec

FEATURES_NAME: Final = "features.json"
INFO_NAME: Final = "dataset_info.json"
SHARD_TEMPLATE: Final = "{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
# TFDS wants a version of the data; ours is the fingerprint, in the description.
VERSION: Final = "1.0.0"
_CLASSES: Final = "tensorflow_datasets.core.features"


def write_tfds_files(
    directory: str | os.PathLike[str],
    manifest: DatasetManifest,
    licences: Iterable[str | None] = (),
) -> None:
    """Write both files into a dataset directory.

    Args:
        directory: Where the shards are.
        manifest: Of the dataset.
        licences: Of the recordings; None where it is not known.
    """
    io.write_json(io.join(directory, FEATURES_NAME), features_json(manifest.spec))
    io.write_json(io.join(directory, INFO_NAME), info_json(manifest, licences))


def features_json(spec: ExampleSpec) -> dict[str, Any]:
    """Return the features of one example, as TFDS describes them."""
    features = {field.name: _tensor(field.length) for field in spec.fields()}
    features[EXAMPLE_ID] = {
        "pythonClassName": f"{_CLASSES}.text_feature.Text",
        "text": {},
    }
    return {
        "pythonClassName": f"{_CLASSES}.features_dict.FeaturesDict",
        "featuresDict": {"features": features},
    }


def info_json(
    manifest: DatasetManifest, licences: Iterable[str | None] = ()
) -> dict[str, Any]:
    """Return splits and shards, as TFDS describes them; an empty split is not one.

    Args:
        manifest: Of the dataset.
        licences: Of the recordings; None where it is not known.
    """
    spec = manifest.spec
    info: dict[str, Any] = {
        "description": (
            f"Examples of {spec.example_secs:g} s at {spec.sample_rate} Hz with pitch"
            f" and loudness at {spec.frame_rate} frames/s, prepared by Luthier for"
            f" DDSP models. Fingerprint {manifest.fingerprint}."
        ),
        "fileFormat": "tfrecord",
        "splits": [
            _split(manifest, name)
            for name in manifest.shards
            if manifest.n_records(name)
        ],
        "version": VERSION,
    }
    known = sorted({licence for licence in licences if licence})
    if known:
        info["redistributionInfo"] = {"license": "; ".join(known)}
    return info


def _split(manifest: DatasetManifest, name: str) -> dict[str, Any]:
    lengths = [shard.n_records for shard in manifest.split(name)]
    n_bytes = sum(lengths) * (manifest.record_length + FRAMING_LENGTH)
    return {
        "filepathTemplate": SHARD_TEMPLATE,
        "name": name,
        "numBytes": str(n_bytes),
        "shardLengths": [str(length) for length in lengths],
    }


def _tensor(length: int) -> dict[str, Any]:
    return {
        "pythonClassName": f"{_CLASSES}.tensor_feature.Tensor",
        "tensor": {
            "dtype": "float32",
            "encoding": "none",
            "shape": {"dimensions": [str(length)]},
        },
    }
