"""The map of docs/architecture.md, held by reading the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ddsp_core", "training", "pipelines", "configs")
FILES = sorted(
    path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py")
)
MAX_FILE_LINES = 400
MAX_BODY_LINES = 40

# What each package may import of ours.
ALLOWED = {
    "ddsp_core": {"ddsp_core"},
    "training": {"ddsp_core", "training"},
    "pipelines": {"ddsp_core", "training", "pipelines"},
    "configs": set(),
}
# The only places that may import a library, as path prefixes.
HOMES = {
    "apache_beam": ("pipelines/",),
    "mlflow": ("training/tracking/",),
    "tf_keras": ("ddsp_core/nn/keras.py",),
    "gin": ("ddsp_core/config/",),
    "argparse": ("pipelines/",),
    "google.cloud": ("ddsp_core/io/gcs.py",),
    "google.api_core": ("ddsp_core/io/gcs.py",),
}
NOWHERE = {"keras", "librosa", "pandas", "pytest", "hypothesis", "crepe", "ddsp"}
# `training` is for the commands and the workflow alone (DESIGN: packages).
TRAINING_IN_PIPELINES = (
    "pipelines/cli.py",
    "pipelines/commands/",
    "pipelines/workflow.py",
)
# Heavy libraries stand inside functions in what `luthier --help` imports.
HEAVY = {
    "tensorflow",
    "apache_beam",
    "mlflow",
    "tf_keras",
    "scipy",
    "matplotlib",
    "h5py",
}


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_there_is_something_to_check():
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_down(path):
    package = path.parts[0]
    for name in imported(parsed(path)):
        top = name.split(".")[0]
        assert top not in NOWHERE, f"{path} imports {name}"
        if top in PACKAGES:
            assert top in ALLOWED[package], f"{path} imports {name}"
        homes = HOMES.get(top) or HOMES.get(".".join(name.split(".")[:2]))
        if homes:
            assert path.as_posix().startswith(homes), f"{path} imports {name}"
        if package == "pipelines" and top == "training":
            assert path.as_posix().startswith(TRAINING_IN_PIPELINES), str(path)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_and_functions_are_short(path):
    n_lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert n_lines < MAX_FILE_LINES, f"{path} has {n_lines} lines"
    for function in functions(parsed(path)):
        n = body_lines(function)
        assert n < MAX_BODY_LINES, f"{path}: {function.name} has {n} lines of body"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_everything_public_says_what_it_is(path):
    tree = parsed(path)
    assert ast.get_docstring(tree), f"{path} has no docstring"
    for node in tree.body:
        public = (
            isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_"
        )
        if public:
            assert ast.get_docstring(node), f"{path}: {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_only_the_command_line_prints(path):
    if path.as_posix() == "pipelines/cli.py":
        return
    calls = [n for n in ast.walk(parsed(path)) if isinstance(n, ast.Call)]
    names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    assert "print" not in names, f"{path} prints"


def test_commands_import_heavy_libraries_only_when_they_run():
    for path in (ROOT / "pipelines/commands").glob("*.py"):
        tree = parsed(path)
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                tops = {name.split(".")[0] for name in imported(node)}
                assert not tops & HEAVY, f"{path} imports {tops & HEAVY} at its top"


def test_help_answers_without_tensorflow_beam_and_mlflow():
    import subprocess
    import sys

    code = (
        "import sys, pipelines.cli\n"
        "pipelines.cli.build_parser()\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "[]"


def test_no_module_is_a_drawer():
    names = {path.stem for path in FILES}
    assert not names & {"utils", "util", "helpers", "misc", "common"}


def test_the_map_names_every_module():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    folders = {path.parent.as_posix() for path in FILES}
    missing = sorted(
        folder for folder in folders if f"{folder.split('/')[-1]}/" not in text
    )
    assert not missing, f"docs/architecture.md does not name {missing}"


def test_beam_functions_are_not_lambdas():
    """A lambda over `__main__` does not reach a worker (no save_main_session)."""
    transforms = {"Map", "FlatMap", "Filter", "MapTuple", "FlatMapTuple"}
    for path in (p for p in FILES if p.parts[0] == "pipelines"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                beam = getattr(node.func.value, "id", "") == "beam"
                if beam and node.func.attr in transforms:
                    has_lambda = any(isinstance(arg, ast.Lambda) for arg in node.args)
                    assert not has_lambda, f"{path}:{node.lineno} maps a lambda"
