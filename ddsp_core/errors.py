"""The typed errors of Luthier.

Every error that a user can cause or meet derives from `DdspError` and carries the
exit code with which the command line ends (docs/architecture.md, "Errors"). Each
also derives from the built-in class that Magenta's library raises in the same
place, so that code written for it keeps its `except` clauses.
"""


class DdspError(Exception):
    """Base of all typed errors; the input or the usage is wrong."""

    exit_code = 2
    # A `tf.function` raises an error anew with the place in the user's code, and keeps
    # its type only if the constructor is the plain one.
    __init__ = Exception.__init__


class UsageError(DdspError, ValueError):
    """A command was called with arguments that cannot work."""


class UnknownNameError(UsageError, KeyError):
    """An argument names something that does not exist."""

    __str__ = Exception.__str__  # KeyError would quote the whole message.


class SpecError(DdspError, ValueError):
    """Sizes or rates contradict each other or the dataset's spec."""


class ShapeError(DdspError, ValueError):
    """An array or tensor has a shape that the operation cannot take."""


class DtypeError(DdspError, ValueError, TypeError):
    """An array or tensor holds what is not a number."""


class AudioError(DdspError, ValueError):
    """An audio file cannot be decoded, or its samples cannot be used."""


class FeatureError(DdspError, ValueError):
    """A feature cannot be computed: unknown tracker, missing or wrong weights."""


class DatasetError(DdspError, ValueError):
    """A dataset directory is missing, damaged, or made with another spec."""


class ConfigError(DdspError, ValueError):
    """A config does not exist, does not parse, or binds an unknown name."""


class CheckpointError(DdspError, ValueError):
    """A model directory or checkpoint is missing, damaged, or of another model."""


class StorageError(DdspError, OSError):
    """The environment failed: disk full, storage or network error."""

    exit_code = 3
    __init__ = OSError.__init__  # reads the error number


class WorkerLostError(DdspError, RuntimeError):
    """A worker process died; what it had done is kept."""

    exit_code = 3


class StoppedError(DdspError):
    """The job was stopped from outside; what is on disk is whole.

    Args:
        message: What was saved and how to go on.
        by_hand: True for Ctrl-C (exit code 130), False for SIGTERM (3).
    """

    def __init__(self, message: str, by_hand: bool) -> None:
        super().__init__(message)
        self.exit_code = 130 if by_hand else 3
