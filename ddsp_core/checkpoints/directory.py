"""`ModelDirectory`: checkpoints with the config and the spec that they belong to."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Final

from ddsp_core import config, io
from ddsp_core.checkpoints.restore import RestoreReport, compare, restore
from ddsp_core.checkpoints.save import PREFIX, STATE_NAME, steps_in
from ddsp_core.errors import CheckpointError, SpecError
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import STATISTICS_NAME, Statistics

SPEC_NAME: Final = "spec.json"
RUN_NAME: Final = "run.json"
_OPERATIVE = re.compile(r"operative_config-(\d+)\.gin")
_LATEST = re.compile(r'^model_checkpoint_path: "(.*)"', re.MULTILINE)


class ModelDirectory:
    """A directory of checkpoints, ours or one that Magenta's trainer wrote.

    Reading never changes it.

    Args:
        path: The directory.
        step: Which checkpoint is meant; the latest by default.
    """

    def __init__(self, path: str | os.PathLike[str], step: int | None = None) -> None:
        self.path = io.local_path(path)
        self._step = step

    def __repr__(self) -> str:
        return f"ModelDirectory({os.fspath(self.path)!r})"

    def steps(self) -> list[int]:
        """Return the steps of the checkpoints, ascending; none for no directory."""
        return steps_in(self.path)

    def latest(self) -> Path:
        """Return the prefix of the checkpoint that is meant.

        That is the one the directory was opened at, else the one that the file
        `checkpoint` names, if it exists, else the highest.

        Raises:
            CheckpointError: There is none.
        """
        steps = self.steps()
        named = self._step if self._step is not None else self._named_step()
        if named in steps:
            return self.path / f"{PREFIX}{named}"
        if not steps or self._step is not None:
            what = "no checkpoint" if self._step is None else f"no step {self._step}"
            has = f"; it has the steps {steps}" if steps else ""
            raise CheckpointError(
                f"{self.path} holds {what} ({PREFIX}STEP.index){has}; a model directory"
                " is what `luthier train` or Magenta's ddsp_run wrote"
            )
        return self.path / f"{PREFIX}{steps[-1]}"

    @property
    def step(self) -> int:
        """Step of the checkpoint that is meant, from its name."""
        return int(self.latest().name.removeprefix(PREFIX))

    @property
    def gin_text(self) -> str:
        """The operative config: of the same step if there is one, else the highest.

        Raises:
            CheckpointError: There is none, here or in the folder above.
        """
        for folder in (self.path, self.path.resolve().parent):
            found = _operative_configs(folder)
            if found:
                path = found.get(self.step, found[max(found)])
                try:
                    return io.read_text(path)
                except (OSError, UnicodeDecodeError) as error:
                    raise CheckpointError(f"{path} cannot be read: {error}") from error
        raise CheckpointError(
            f"{self.path} holds no operative_config-STEP.gin, so the model that the"
            " weights belong to is unknown; copy it from where the model was trained"
        )

    @property
    def spec(self) -> ExampleSpec:
        """The spec of the examples that the model was trained on.

        Magenta's directories do not hold it; it is derived from the numbers in the gin.

        Raises:
            CheckpointError: `spec.json` is damaged.
            ConfigError: There is none, and the gin does not have the numbers.
        """
        path = self.path / SPEC_NAME
        if not path.is_file():
            return config.spec_from_text(self.gin_text, os.fspath(self.path))
        try:
            return ExampleSpec.from_json(io.read_json(path), os.fspath(path))
        except SpecError:
            raise
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error

    @property
    def statistics(self) -> Statistics | None:
        """Pitch and loudness of the dataset that the model was trained on, if known."""
        if not (self.path / STATISTICS_NAME).is_file():
            return None
        return Statistics.load(self.path)

    @property
    def gain_db(self) -> float:
        """The gain of the dataset that the model was trained on, in dB.

        Raises:
            CheckpointError: `run.json` is damaged.
        """
        path = self.path / RUN_NAME
        if not path.is_file():
            return 0.0
        try:
            return float(io.read_json(path).get("gain_db", 0.0))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error

    def build(self, n_frames: int | None = None) -> config.Built:
        """Build the model with its weights.

        Args:
            n_frames: Frames that it is to play at once; an example's by default. The
                weights do not depend on it.

        Raises:
            CheckpointError: The checkpoint is damaged or of another model.
            ConfigError: The config does not parse.
        """
        built = self._built(n_frames)
        restore(self.latest(), built.model)
        return built

    def report(self) -> RestoreReport:
        """Report how the checkpoint fits the model of its config; set no weights."""
        return compare(self.latest(), self._built(None).model)

    def _built(self, n_frames: int | None) -> config.Built:
        spec = self.spec
        wanted = dataclasses.replace(spec, n_frames=n_frames or spec.n_frames)
        built = config.build(self.gin_text, wanted, text_spec=spec)
        built.build_model()
        return built

    def _named_step(self) -> int | None:
        """Return the step that the file `checkpoint` names."""
        path = self.path / STATE_NAME
        data = path.read_bytes() if path.is_file() else b""
        found = _LATEST.search(data.decode(errors="replace"))
        name = found[1].rpartition("/")[2] if found else ""
        number = name.removeprefix(PREFIX)
        return int(number) if number.isdigit() and name != number else None


def open_model(path: str | os.PathLike[str]) -> ModelDirectory:
    """Open a model directory or one checkpoint of it, and check what is beside it.

    Args:
        path: A directory, or a prefix such as `DIR/ckpt-300`.

    Raises:
        CheckpointError: It is neither, or lacks a checkpoint or a config.
        ConfigError: The directory has no spec and its config does not imply one.
    """
    local = io.local_path(path)
    prefix = local.with_suffix("") if local.suffix == ".index" else local
    number = prefix.name.removeprefix(PREFIX)
    if local.is_dir():
        model = ModelDirectory(local)
    elif number.isdigit() and Path(f"{prefix}.index").is_file():
        model = ModelDirectory(prefix.parent, int(number))
    else:
        raise CheckpointError(
            f"{local} is neither a model directory nor a checkpoint's prefix"
            f" ({PREFIX}STEP)"
        )
    model.latest()
    _ = model.spec, model.gin_text
    return model


def _operative_configs(folder: Path) -> dict[int, Path]:
    """Return the operative configs in a folder by step."""
    names = os.listdir(folder) if folder.is_dir() else []
    found = (_OPERATIVE.fullmatch(name) for name in names)
    return {int(match[1]): folder / match[0] for match in found if match}
