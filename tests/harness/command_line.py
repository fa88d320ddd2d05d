"""Start the command line as a user does, and hold what it answers against the contract for errors."""

from __future__ import annotations

import logging
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner
from harness.process import bare_environment
from harness.s3 import program
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ROOT", "Outcome", "interp", "interp_process", "script"]

ROOT = Path(__file__).parents[2]
_NOT_OURS = ("Traceback", "WARNING", " INFO ", " ERROR ", "urllib3", "Successfully registered", "Created version")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    def require_error(self, code: int, *fragments: str) -> str:
        """The one line in which the command says why it failed.

        It is the last line of standard error, nothing of another library's stands beside it, and
        standard output is empty.
        """
        lines = self.stderr.splitlines()
        assert self.code == code, self.stderr
        assert [line for line in lines if line.startswith("error:")] == lines[-1:], self.stderr
        assert [line for line in lines if any(mark in line for mark in _NOT_OURS)] == []
        assert self.stdout == ""
        for fragment in fragments:
            assert fragment in lines[-1]
        return lines[-1]

    def require_done(self) -> str:
        """Standard output of a command that succeeded."""
        assert self.code == 0, self.stderr
        return self.stdout.strip()


def interp(command: str) -> Outcome:
    """Run ``interp`` in this process: the same code without two seconds of imports."""
    from mlflow_plugin.cli import main

    # Imported before the command could set the variable it listens to.
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    _artifact_repos_cache.clear()  # by run: a process that talks to a run through two addresses is a test only
    try:
        result = CliRunner().invoke(main, shlex.split(command))
    finally:
        logging.getLogger("interp").handlers = []  # they write to a stream that is closed now
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(code=result.exit_code, stdout=result.stdout, stderr=result.stderr)


def interp_process(command: str, environment: Mapping[str, str]) -> Outcome:
    """Run ``interp`` as a process of its own."""
    return _run([program("interp"), *shlex.split(command)], environment)


def script(name: str, options: str, environment: Mapping[str, str]) -> Outcome:
    """Run the script of a project, as its entry point does."""
    command = [sys.executable, str(ROOT / "projects" / name / "run.py"), *shlex.split(options)]
    return _run(command, {"PYTHONPATH": str(ROOT), **environment})


def _run(command: list[str], environment: Mapping[str, str]) -> Outcome:
    done = subprocess.run(
        command, env=bare_environment(environment), capture_output=True, text=True, check=False, timeout=600
    )
    return Outcome(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
