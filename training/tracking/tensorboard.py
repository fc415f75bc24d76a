"""TensorBoard summaries, where Magenta's users have them and under the same names."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ddsp_core import io
from training.tracking.tracker import DatasetInput, Status

MAGENTA_NAMES = {"loss": "losses/total_loss", "steps_per_second": "steps_per_sec"}


class TensorBoardTracker:
    """Writes `summaries/train` and `summaries/eval` below a model directory.

    Args:
        directory: The model directory.
    """

    def __init__(self, directory: Path) -> None:
        folder = io.local_path(directory) / "summaries"
        self._writers = {
            side: tf.summary.create_file_writer(str(folder / side))
            for side in ("train", "eval")
        }

    def params(self, values: Mapping[str, Any]) -> None:
        """Write what defines the run as a text."""
        self.text("params", json.dumps(dict(values), indent=1, default=str), 0)

    def tags(self, values: Mapping[str, Any]) -> None:
        """Write facts as a text."""
        self.text("tags", json.dumps(dict(values), indent=1, default=str), 0)

    def dataset(self, dataset: DatasetInput) -> None:
        """Write the dataset's facts as a text."""
        facts = json.dumps(dataclasses.asdict(dataset), indent=1, default=str)
        self.text(f"dataset/{dataset.context}", facts, 0)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Write scalars, 'eval/...' to the eval side."""
        for name, value in values.items():
            side, tag = summary_name(name)
            with self._writers[side].as_default():
                tf.summary.scalar(tag, value, step=step)
        for writer in self._writers.values():
            writer.flush()

    def text(self, name: str, text: str, step: int) -> None:
        """Write a text as it stands (markdown's block of code)."""
        block = "\n".join(f"    {line}" for line in text.splitlines())
        with self._writers["train"].as_default():
            tf.summary.text(name, block, step=step)

    def figure(self, name: str, figure: Figure, step: int) -> None:
        """Write a picture."""
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[np.newaxis, :, :, :3]
        with self._writers["eval"].as_default():
            tf.summary.image(name, pixels, step=step)

    def audio(self, name: str, audio: np.ndarray, sample_rate: int, step: int) -> None:
        """Write a sound."""
        clip = np.clip(audio, -1, 1).astype(np.float32)[np.newaxis, :, np.newaxis]
        with self._writers["eval"].as_default():
            tf.summary.audio(name, clip, sample_rate, step=step, encoding="wav")

    def artifact(self, path: Path, folder: str) -> None:
        """Do nothing: the file is in the model directory already."""

    def close(self, status: Status) -> None:
        """Write out what is pending."""
        for writer in self._writers.values():
            writer.close()


def summary_name(metric: str) -> tuple[str, str]:
    """Return the side and the tag of a metric.

    >>> summary_name("eval/spectral_loss")
    ('eval', 'losses/spectral_loss')
    >>> summary_name("steps_per_second")
    ('train', 'steps_per_sec')
    """
    side, _, name = metric.rpartition("/")
    if name in MAGENTA_NAMES:
        tag = MAGENTA_NAMES[name]
    else:
        tag = f"losses/{name}" if name.endswith("_loss") else name
    return ("eval" if side == "eval" else "train"), tag
