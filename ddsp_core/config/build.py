"""A config and a spec make a model and the options of its training."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ddsp_core.config import derived, files, lengths, operative
from ddsp_core.config.construct import Constructor
from ddsp_core.config.options import TrainerOptions, TrainOptions
from ddsp_core.config.parse import parse
from ddsp_core.spec import ExampleSpec
from ddsp_core.statistics import Statistics

TRAIN = "ddsp.training.train_util.train"
TRAINER = "ddsp.training.trainers.Trainer"


@dataclasses.dataclass(frozen=True)
class Built:
    """What a config made.

    Args:
        spec: Lengths and rates of the model.
        model: Its variables exist once `build_from_spec` has run.
        train: How long and how large.
        trainer: How a step is made.
        operative: All that was used, as a config that builds the same; Magenta's too.
        params: The same as flat scalars.
        unused: What the config binds for names that this model does not use.
    """

    spec: ExampleSpec
    model: Any
    train: TrainOptions
    trainer: TrainerOptions
    operative: str
    params: Mapping[str, str | int | float | bool]
    unused: tuple[str, ...]

    def build_model(self) -> Any:
        """Create the model's variables if they do not exist yet; return the model."""
        if not self.model.built:
            self.model.build_from_spec(self.spec)
        return self.model


def build(
    text: str,
    spec: ExampleSpec,
    search_path: Sequence[str | os.PathLike[str]] = (),
    text_spec: ExampleSpec | None = None,
    statistics: Statistics | None = None,
) -> Built:
    """Build what a config describes for examples of `spec`.

    Nothing global is read or left behind: models of different configs can be built in
    any order.

    Args:
        text: The config, in Magenta's vocabulary.
        spec: Decides every length and rate.
        search_path: Folders of included files, before the packaged ones.
        text_spec: The spec that lengths in the text were written for, if not `spec`: a
            trained model's, when it is built for examples of another length.
        statistics: Of the dataset: decide the number of harmonics where the config
            leaves it open (`%n_harmonics`).

    Raises:
        ConfigError: The text does not parse, binds what nothing knows, or its parts do
            not fit together. Names the line.
        SpecError: It binds a length or rate other than the spec's.
    """
    bindings = parse(
        files.resolved(text, search_path), derived.macros(spec, statistics)
    )
    lengths.check(bindings, text_spec or spec)
    constructor = Constructor(bindings, spec)
    model = constructor.model()
    train = constructor.options(TRAIN, TrainOptions)
    trainer = constructor.options(TRAINER, TrainerOptions)
    return Built(
        spec=spec,
        model=model,
        train=train,
        trainer=trainer,
        operative=operative.to_text(constructor.operative),
        params=MappingProxyType(operative.to_params(constructor.operative)),
        unused=tuple(constructor.unused()),
    )


def spec_from_text(text: str, where: str = "the config") -> ExampleSpec:
    """Derive the spec of a model of Magenta's from the numbers in its config.

    Raises:
        ConfigError: The numbers are not there.
    """
    return lengths.spec_of(parse(text), where)
