"""The contract of the command line: exit codes, one line, JSON."""

import argparse
import errno
import json
import types

import pytest

from ddsp_core.errors import DatasetError, StoppedError, StorageError
from pipelines import cli


@pytest.fixture
def command(monkeypatch):
    """Put a function in the place of `luthier doctor`."""

    def install(run):
        module = types.SimpleNamespace(
            HELP="a stand-in", add_arguments=lambda parser: None, run=run
        )
        real = cli.importlib.import_module
        monkeypatch.setattr(
            cli.importlib,
            "import_module",
            lambda name: module if name.endswith(".doctor") else real(name),
        )

    return install


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DatasetError("no dataset.json"), 2),
        (StorageError("disk full"), 3),
        (StoppedError("saved", by_hand=False), 3),
        (StoppedError("saved", by_hand=True), 130),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "x"), 3),
    ],
)
def test_an_error_of_the_user_or_the_machine_is_one_line(command, capsys, error, code):
    def run(args):
        raise error

    command(run)
    assert cli.main(["doctor"]) == code
    err = capsys.readouterr().err
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("luthier: ")


def test_a_defect_shows_its_traceback(command, capsys):
    def run(args):
        return {"x": 1 / 0}

    command(run)
    assert cli.main(["doctor"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_message_of_several_lines_becomes_one(command, capsys):
    def run(args):
        raise DatasetError("first\n  second")

    command(run)
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == "luthier: first second\n"


def test_json_is_the_last_line_and_has_no_text(command, capsys):
    command(lambda args: {"text": "for people", "n": 1})
    assert cli.main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"n": 1}


def test_people_see_the_text(command, capsys):
    command(lambda args: {"text": "for people", "n": 1})
    assert cli.main(["doctor"]) == 0
    assert capsys.readouterr().out == "for people\n"


def test_usage_errors_end_with_2_and_one_line(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["prepare"])
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_what_follows_the_double_dash_goes_to_beam():
    args = cli._parse(["prepare", "in", "--out", "o", "--", "--runner=X", "--a=b"])
    assert args.beam_options == ["--runner=X", "--a=b"]


def test_only_prepare_takes_beam_options(capsys):
    with pytest.raises(SystemExit) as stop:
        cli._parse(["doctor", "--", "--runner=X"])
    assert stop.value.code == 2


def test_every_command_explains_itself(capsys):
    for name in cli.COMMANDS:
        with pytest.raises(SystemExit) as stop:
            cli.main([name, "--help"])
        assert stop.value.code == 0
    assert isinstance(cli.build_parser(), argparse.ArgumentParser)


def test_doctor_looks_at_everything_and_says_what_to_do(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["doctor", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    checks = {check["name"]: check for check in result["checks"]}
    assert {"python", "tensorflow", "decoders", "crepe weights", "java"} <= set(checks)
    assert checks["tensorflow"]["found"].split("Keras ")[1].startswith("2.")
    assert all(check["ok"] or check["remedy"] for check in result["checks"])
    assert list(tmp_path.iterdir()) == []
