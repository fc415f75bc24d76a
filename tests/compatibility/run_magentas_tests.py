"""Run one test file of Magenta's on our library and print what became of each test.

    python -m tests.compatibility.run_magentas_tests FOLDER ddsp.core_test

FOLDER holds the unpacked wheel. The last line of the output is JSON: test → outcome.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import unittest
from pathlib import Path
from types import ModuleType

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests.compatibility import magenta_alias

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# What speaks to gin itself instead of calling the library.
BY_GIN = ("ddsp.training.models.autoencoder_test",)


class Outcomes(unittest.TextTestResult):
    """Keeps the outcome of every test by its name."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.by_name: dict[str, str] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.by_name[_name(test)] = PASSED

    def addFailure(self, test, err) -> None:  # type: ignore[no-untyped-def]
        super().addFailure(test, err)
        self.by_name[_name(test)] = FAILED

    def addError(self, test, err) -> None:  # type: ignore[no-untyped-def]
        super().addError(test, err)
        self.by_name[_name(test)] = FAILED

    def addSubTest(self, test, subtest, err) -> None:  # type: ignore[no-untyped-def]
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.by_name[_name(test)] = FAILED

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.by_name[_name(test)] = SKIPPED


def main() -> None:
    """Run the file that the command line names."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    magenta_alias.bind()
    magenta_alias.stand_ins()
    magenta_alias.settle_for_tiny()
    if name in BY_GIN:
        magenta_alias.bind_gin()
    suite = unittest.defaultTestLoader.loadTestsFromModule(_load(folder, name))
    runner = unittest.TextTestRunner(resultclass=Outcomes, verbosity=2)
    print(json.dumps(runner.run(suite).by_name))  # noqa: T201


def _load(folder: Path, name: str) -> ModuleType:
    """Load a file of Magenta's by its path: its folder is no package here."""
    path = folder.joinpath(*name.split(".")).with_suffix(".py")
    alone = name.replace(".", "_")
    spec = importlib.util.spec_from_file_location(alone, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[alone] = module
    spec.loader.exec_module(module)
    return module


def _name(test: unittest.TestCase) -> str:
    """Return class and method, or what else failed, such as a `setUpClass`."""
    method = getattr(test, "_testMethodName", None)
    return f"{type(test).__name__}.{method}" if method else test.id()


if __name__ == "__main__":
    main()
