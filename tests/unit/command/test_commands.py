"""Progress lines, one-line errors and exit codes."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from interp_pipeline import progress
from interp_pipeline.command.log_lines import configure_logging
from interp_pipeline.command.one_line_errors import project_command, run_guarded
from interp_pipeline.command.progress_bars import console_progress
from interp_pipeline.errors import CheckError, DataError, ModelError, TrackingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interp_pipeline.progress import Progress


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """The handler writes to a stream that ends with the test."""
    yield
    logging.getLogger("interp").handlers = []


def _raise(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


_UNFINISHED = "nothing unfinished was registered or published"
FAILURES = [
    ("wrong call", UsageError("no such column"), 2, "error: no such column"),
    ("wrong data", DataError("empty"), 2, "error: empty"),
    ("version", ModelError("no model"), 1, "error: no model"),
    ("check", CheckError("does not add up"), 1, "error: does not add up"),
    ("server", TrackingError("no answer"), 1, "error: no answer"),
    ("several lines", TrackingError("no\n  answer"), 1, "error: no answer"),
    ("defect", ValueError("x > 3"), 1, "error: unexpected ValueError: x > 3; run it again with --debug to see where"),
    (
        "Ctrl-C",
        KeyboardInterrupt(),
        130,
        "error: interrupted by SIGINT; nothing unfinished was registered or published",
    ),
]


@pytest.mark.parametrize(("error", "code", "line"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES])
def test_failures_end_in_one_line_and_a_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    configure_logging("text")
    with pytest.raises(SystemExit) as caught:
        run_guarded(_raise(error))
    assert caught.value.code == code
    assert capsys.readouterr().err == f"{line}\n"


def test_notes_of_an_error_are_said_too(capsys: pytest.CaptureFixture[str]) -> None:
    error = TrackingError("no answer")
    error.add_note("the run is still open")
    configure_logging("text")
    with pytest.raises(SystemExit):
        run_guarded(_raise(error))
    assert capsys.readouterr().err == "error: no answer; the run is still open\n"


@pytest.mark.parametrize("error", [UsageError("wrong"), ValueError("broken")], ids=["ours", "a defect"])
def test_debug_raises_what_was_raised(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        run_guarded(_raise(error), debug=True)
    assert caught.value is error


def test_sigterm_ends_the_command_as_an_interrupt_and_is_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    configure_logging("text")
    cleaned = []

    def action() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()  # the handler runs here at the latest
        finally:
            cleaned.append("run marked as failed")

    with pytest.raises(SystemExit) as caught:
        run_guarded(action)
    assert caught.value.code == 143
    assert cleaned
    assert "interrupted by SIGTERM" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_success_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run_guarded(lambda: None)
    assert capsys.readouterr() == ("", "")


def test_lines_say_where_it_is_and_how_long_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 6.0, 7.0, 20.0, 21.0])  # start; four steps; end
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    configure_logging("text")
    with console_progress().track("Explaining", 4) as advance:
        for _ in range(4):
            advance(1)
    assert capsys.readouterr().err.splitlines() == [
        "Explaining: 2 of 4, about 10 s left",
        "Explaining: done in 21.0 s",
    ]


def test_a_stage_that_fails_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text")
    with pytest.raises(ModelError), console_progress().track("Explaining", 4):
        _raise(ModelError("no"))()
    assert capsys.readouterr().err == ""


def test_json_has_one_event_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    progress = console_progress("json")
    progress.say("naïve\nand two lines")
    with progress.track("Drawing", 1) as advance:
        advance(1)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert events[0]["event"] == "naïve\nand two lines"
    assert [event["level"] for event in events] == ["info", "info"]
    assert events[1]["event"].startswith("Drawing: done in ")
    assert events[0]["time"].endswith("Z")


_OTHERS_SPEAK = """
import logging, warnings
from interp_pipeline.command.log_lines import configure_logging, log_fields

configure_logging("json")
import mlflow

with log_fields(key="k1"):
    logging.getLogger("mlflow.store").warning("an address\\nthat ended")
    logging.getLogger("mlflow.store").info("small talk")
    warnings.warn("soon to be removed", stacklevel=1)
logging.getLogger("interp.worker").info("ours")
configure_logging("text")
logging.getLogger("interp.worker").info("a line")
"""


def test_other_libraries_speak_json_too() -> None:
    said = subprocess.run([sys.executable, "-c", _OTHERS_SPEAK], capture_output=True, text=True, check=True).stderr
    *lines, last = said.splitlines()
    theirs, warning, ours = [json.loads(line) for line in lines]
    assert (theirs["logger"], theirs["event"]) == ("mlflow.store", "an address\nthat ended")
    assert (theirs["level"], theirs["key"]) == ("warning", "k1")
    assert warning["logger"] == "py.warnings"
    assert "soon to be removed" in warning["event"]
    assert ours["event"] == "ours"
    assert "logger" not in ours
    assert last == "a line"


def test_the_patience_of_mlflow_is_set_unless_the_user_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    configure_logging("text")
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "4"
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"


def test_what_is_raised_as_well_is_logged_only_when_debugging(caplog: pytest.LogCaptureFixture) -> None:
    noisy = logging.getLogger("urllib3.connectionpool")
    configure_logging("text")
    noisy.warning("Retrying")
    assert caplog.messages == []
    configure_logging("text", debug=True)
    noisy.warning("Retrying")
    assert caplog.messages == ["Retrying"]


@project_command
@click.option("--rows", type=int, required=True)
def _script(*, progress: Progress, rows: int) -> None:
    """Stand in for the script of a project."""
    if rows < 1:
        msg = "no rows"
        raise UsageError(msg)
    progress.say(f"explained {rows} rows")


def test_a_project_is_a_command_with_progress() -> None:
    result = CliRunner().invoke(_script, ["--rows", "3"])
    assert (result.exit_code, result.stderr) == (0, "explained 3 rows\n")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--rows", "0"], "error: no rows"),
        (["--rows", "many"], "error: invalid value for '--rows': 'many' is not a valid integer; see: "),
        ([], "error: missing option '--rows'; see: "),
    ],
    ids=["refused by the step", "refused by its type", "missing"],
)
def test_a_project_called_wrongly_ends_with_one_line(options: list[str], line: str) -> None:
    result = CliRunner().invoke(_script, options)
    assert result.exit_code == 2
    assert result.stderr.startswith(line)
    assert len(result.stderr.splitlines()) == 1


def test_a_project_shows_the_traceback_when_debugging() -> None:
    result = CliRunner().invoke(_script, ["--rows", "0", "--debug"])
    assert isinstance(result.exception, UsageError)


def test_bars_are_drawn_on_a_terminal_and_errors_stay_below_them() -> None:
    """In a process of its own with a terminal of its own."""
    code = (
        "from interp_pipeline.command.log_lines import configure_logging\n"
        "from interp_pipeline.command.one_line_errors import run_guarded\n"
        "from interp_pipeline.command.progress_bars import console_progress\n"
        "from interp_pipeline.errors import ModelError\n"
        "configure_logging('text')\n"
        "def action():\n"
        "    progress = console_progress()\n"
        "    progress.say('[bold]as it is[/bold]')\n"
        "    with progress.track('Explaining', 2) as advance:\n"
        "        advance(1)\n"
        "        raise ModelError('it cannot be explained')\n"
        "run_guarded(action)\n"
    )
    reader, terminal = os.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=terminal, stderr=terminal, stdin=terminal)
    assert process.wait(60) == 1
    os.close(terminal)
    shown = b""
    while chunk := _read(reader):
        shown += chunk
    os.close(reader)
    text = shown.decode()
    assert "[bold]as it is[/bold]" in text
    assert "1/2" in text
    assert text.rstrip().endswith("error: it cannot be explained")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the other side was closed
        return b""
