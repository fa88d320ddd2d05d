"""Standard output that is closed, full or cannot write a character: one line, or the result all the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from harness.process import bare_environment

_COMMAND = """
import os
import click
from interp_pipeline.command.one_line_errors import project_command

@project_command
def shown(*, progress):
    "Help."
    progress.say("told")
    with open(os.devnull) as file:
        assert file.fileno() > 2
    click.echo("caf\\u00e9 \\u2192")

shown()
"""


def _run(redirection: str, options: str = "", **variables: str) -> tuple[int, str, str]:
    command = ["sh", "-c", f'"$0" -c "$1" {options} {redirection}', sys.executable, _COMMAND]
    environment = {**bare_environment({}), **variables}
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    return done.returncode, done.stdout.decode("latin-1"), done.stderr.decode()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("options", ["", "--help"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")  # noqa: PTH110
def test_a_full_disk_under_standard_output_is_one_line(options: str, unbuffered: str) -> None:
    code, _, said = _run(">/dev/full", options, PYTHONUNBUFFERED=unbuffered)
    assert code == 1
    assert said.splitlines()[-1].startswith("error: ")
    assert said.splitlines()[-1].endswith("standard output: No space left on device")
    assert "Traceback" not in said


@pytest.mark.parametrize("options", ["", "--help"])
def test_a_closed_standard_output_is_refused_before_any_work(options: str) -> None:
    code, _, said = _run(">&-", options)
    assert (code, said) == (
        1,
        "error: standard output is closed; to show the result nowhere, send it to /dev/null\n",
    )


def test_closed_standard_error_and_input_cost_nothing() -> None:
    code, shown, _ = _run("2>&- <&-", PYTHONIOENCODING="latin-1")
    assert (code, shown) == (0, "caf\xe9 \\u2192\n")


def test_a_character_that_cannot_be_written_costs_no_result() -> None:
    assert _run("", PYTHONIOENCODING="latin-1") == (0, "caf\xe9 \\u2192\n", "told\n")
