"""Parts of the program in processes of their own: fresh memory, fresh threads, a time limit."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ChildError", "ChildTimeoutError", "call_in_child", "main"]

ROOT = Path(__file__).parents[2]
_ONE_THREAD = {  # every library but us: our threads are set by the cases
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONHASHSEED": "0",
}


class ChildError(RuntimeError):
    """The process failed; the message is the last line it printed."""


class ChildTimeoutError(ChildError):
    """The process was not done in time."""


def call_in_child(
    target: str,
    arguments: Mapping[str, Any],
    *,
    limit_s: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """Call a function in a fresh interpreter.

    Args:
        target: ``module:function``; it takes keyword arguments and returns what JSON can hold.
        arguments: its arguments, as JSON can hold them.
        limit_s: after so many seconds the process is ended.
        folder: its working directory; None for a temporary one.
        environment: further variables.

    Raises:
        ChildTimeoutError: the limit has passed.
        ChildError: the function raised or the process died.
    """
    with tempfile.TemporaryDirectory() as temporary:
        answer = Path(temporary, "answer.json")
        variables = {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(ROOT), **(environment or {})}
        variables.pop("MLFLOW_TRACKING_URI", None)
        command = [sys.executable, "-m", "benchmarks.measuring.children", target, json.dumps(arguments), str(answer)]
        try:
            done = subprocess.run(  # noqa: S603 - this very program
                command,
                cwd=folder or temporary,
                env=variables,
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            msg = f"not finished after {limit_s:.0f} s"
            raise ChildTimeoutError(msg) from late
        if done.returncode or not answer.exists():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            msg = lines[-1] if lines else f"exit code {done.returncode}"
            raise ChildError(msg)
        return json.loads(answer.read_text(encoding="utf-8"))


def main() -> None:
    """Be the child."""
    target, arguments, answer = sys.argv[1:]
    module, _, name = target.partition(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    Path(answer).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
