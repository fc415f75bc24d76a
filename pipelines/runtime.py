"""What a process sets up once: the job, TensorFlow's threads, the pitch model."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import os
import tempfile
from typing import TYPE_CHECKING, Final

from ddsp_core import io
from ddsp_core.features.options import PitchOptions
from pipelines.options import PrepareOptions
from pipelines.split import SplitRule
from pipelines.store import FeatureStore

if TYPE_CHECKING:
    import apache_beam as beam

    from ddsp_core.features.extract import FeatureExtractor

# Threads inside one operation: the same on every machine, whatever its cores, so that
# sums are formed in the same order. (Operations side by side change no number.)
INTRA_OP_THREADS: Final = 2

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ExtractorOptions:
    """What a worker needs to make the feature extractor.

    Args:
        frame_rate: In Hz.
        pitch: Which tracker hears f0, and how.
    """

    frame_rate: int
    pitch: PitchOptions

    def make(self) -> FeatureExtractor:
        """Load the model.

        Raises:
            FeatureError: Weights are missing or wrong.
        """
        from ddsp_core.features.extract import FeatureExtractor

        fix_threads()
        return FeatureExtractor(self.frame_rate, self.pitch)


@dataclasses.dataclass(frozen=True)
class Job:
    """Everything that the workers of one preparation must know.

    Args:
        options: What was asked for, with the feature versions in its spec.
        extractor: How to make the feature extractor.
        versions: Of the features.
        store_root: Folder of the feature store.
        work: Folder in which the dataset is made.
        kept_rule: Split rule of the dataset that this one replaces.
        cwd: Where the launcher stands: from here relative paths of sources lead.
    """

    options: PrepareOptions
    extractor: ExtractorOptions
    versions: dict[str, str]
    store_root: str
    work: str
    kept_rule: SplitRule | None = None
    cwd: str = dataclasses.field(default_factory=os.getcwd)

    def store(self) -> FeatureStore:
        """Return the feature store."""
        return FeatureStore(
            self.store_root, self.versions, self.options.spec.frame_rate
        )

    def enter(self) -> None:
        """Set this process up as a worker: it stands where the launcher stands.

        In a container there is no such place, and paths are `gs://`.
        """
        if os.getcwd() != self.cwd and os.path.isdir(self.cwd):
            os.chdir(self.cwd)

    @property
    def progress(self) -> str:
        """Local folder in which workers on this machine tell how far they are."""
        if io.is_remote(self.work):
            name = f"luthier-progress-{io.fingerprint(self.work)}"
            return os.path.join(tempfile.gettempdir(), name)
        return os.path.join(self.work, "progress")


def fix_threads() -> None:
    """Give TensorFlow its fixed thread count, if it has not started yet."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(INTRA_OP_THREADS)
    except RuntimeError:
        _LOGGER.debug("TensorFlow has started already; its thread count stays")


def quieten_beam() -> None:
    """Import Beam without its remarks on Google's clients, then keep its logs down.

    An error of ours reaches the user as one line, so its long traces are not wanted.
    """
    logging.disable(logging.WARNING)
    try:
        importlib.import_module("apache_beam")
    finally:
        logging.disable(logging.NOTSET)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)


def make_pipeline(workers: int, beam_options: tuple[str, ...]) -> beam.Pipeline:
    """Return a pipeline on the local runner, or on the one that the options name.

    The local runner is named, since Beam's default would download another.
    """
    quieten_beam()
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    # Workers have our packages installed; what stands in `__main__` they don't need.
    options = PipelineOptions(list(beam_options), save_main_session=False)
    if any(option.split("=")[0] == "--runner" for option in beam_options):
        return beam.Pipeline(options=options)
    if workers == 1:
        return beam.Pipeline(runner=FnApiRunner(), options=options)
    options = PipelineOptions(list(beam_options), direct_num_workers=workers)
    from pipelines.processes import WatchedProcesses

    return beam.Pipeline(runner=FnApiRunner(WatchedProcesses.ours()), options=options)
