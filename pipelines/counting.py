"""The statistics of written shards as a Beam transform round `count`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apache_beam as beam

from ddsp_core.manifest import Shard
from ddsp_core.postprocessing.mergeable import ExampleStatistics, LoudnessSum
from pipelines import count

if TYPE_CHECKING:
    from pipelines.runtime import Job


class CountExamples(beam.PTransform):
    """(split, Shard) → ExampleStatistics of the training split, one.

    Args:
        job: Spec and place of the shards.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def expand(self, shards: Any) -> Any:
        """Read the shards twice: notes are what is loud against the mean of all."""
        spec, work = self._job.options.spec, self._job.work
        training = (
            shards
            | "OnlyTraining" >> beam.Filter(_is_training)
            | "OnlyShards" >> beam.Map(_shard_in)
        )
        mean_db = (
            training
            | "Loudness" >> beam.Map(count.loudness_of, work, spec)
            | "MergeLoudness" >> beam.CombineGlobally(LoudnessSum.merge)
            | "MeanLoudness" >> beam.Map(_mean_db)
        )
        return (
            training
            | "SpreadAgain" >> beam.Reshuffle()
            | "Examples"
            >> beam.Map(
                count.statistics_of, work, spec, beam.pvalue.AsSingleton(mean_db)
            )
            | "MergeExamples" >> beam.CombineGlobally(ExampleStatistics.merge)
        )


def _is_training(row: tuple[str, Shard]) -> bool:
    return row[0] == "train"


def _shard_in(row: tuple[str, Shard]) -> Shard:
    return row[1]


def _mean_db(loudness: LoudnessSum) -> float:
    return loudness.mean_db
