"""Models that attack whoever runs them, saved as MLflow saves a stranger's model: code among its files.

A function is what one model does when it is asked to predict. It is copied into the model's folder, so it imports what
it needs itself. Those of ``hostile_attacks`` return what they got hold of; they have to be refused instead.
"""

# a model is given its rows whether it wants them or not:
# ruff: noqa: ARG001

from __future__ import annotations

import inspect
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from harness.hostile_attacks import ATTACKS
from harness.hostile_calls import call as system_call
from harness.hostile_calls import those_not_refused

from interp_pipeline.stages.fetch import Fetched
from interp_pipeline.tracking.server.registry import RegisteredVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = [
    "ANSWERS",
    "answers_a_table",
    "copies_its_files",
    "question",
    "rows",
    "save",
    "save_attacks",
    "starts_a_process",
]

_FILE = """
from __future__ import annotations

import mlflow

VALUES = {values!r}

{source}

class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return {call}

mlflow.models.set_model(Model())
"""
_ATTEMPT = """
def attempt(attacks: Any) -> Any:
    import inspect

    through = {}
    for attack in attacks:
        values = {name: VALUES[name] for name in inspect.signature(attack).parameters}
        try:
            through[attack.__name__] = str(attack(**values))
        except (OSError, ValueError):
            continue
    print(through)
    raise RuntimeError(f"got through: {', '.join(through)}" if through else f"refused: all {len(attacks)}")
"""


def rows(n_rows: int = 60) -> pd.DataFrame:
    """A small table of numbers."""
    return pd.DataFrame(np.random.default_rng(0).normal(size=(n_rows, 3)), columns=["a", "b", "c"])


def save(folder: Path, behave: Callable[..., Any], /, **values: Any) -> Path:
    """Save a model that does this when it predicts.

    Args:
        folder: to be made.
        behave: one of this file's functions, or an attack.
        values: its arguments beside the rows.
    """
    if behave in ATTACKS.values():
        return save_attacks(folder, [behave], **values)
    return _saved(folder, [behave], f"{behave.__name__}(model_input, **VALUES)", values)


def save_attacks(folder: Path, attacks: Sequence[Callable[..., Any]], /, **values: Any) -> Path:
    """Save a model that tries all of these when it predicts, and says in an error which got through.

    Args:
        folder: to be made.
        attacks: out of ``ATTACKS``.
        values: their arguments, by name; each takes those it has.
    """
    call = f"attempt([{', '.join(attack.__name__ for attack in attacks)}])"
    return _saved(folder, [system_call, those_not_refused, *attacks], call, values, _ATTEMPT)


def _saved(
    folder: Path, functions: Sequence[Callable[..., Any]], call: str, values: dict[str, Any], before: str = ""
) -> Path:
    import mlflow

    source = "\n\n".join([before, *(textwrap.dedent(inspect.getsource(function)) for function in functions)])
    folder.mkdir(parents=True)
    script = folder / "script.py"
    script.write_text(_FILE.format(values=values, source=source, call=call), encoding="utf-8")
    saved = folder / "model"
    with warnings.catch_warnings(record=True, action="always"):  # MLflow misses type hints and an input example
        mlflow.pyfunc.save_model(
            str(saved),
            python_model=str(script),
            signature=mlflow.models.infer_signature(rows(), np.zeros(len(rows()))),
            pip_requirements=["mlflow"],
        )
    return saved


def question(model_path: Path, table: pd.DataFrame, target: str | None = None) -> Fetched:
    """What the worker knows of a model whose files it fetched: the first half of a table is background data."""
    version = RegisteredVersion(
        name="m", version=1, created_ms=1, source="models:/m-1", run_id="r", experiment_id="0", model_name="model"
    )
    half = len(table) // 2
    return Fetched(
        version=version,
        record=None,
        model_path=model_path,
        rows=table[half:],
        rows_source="the given rows",
        rows_are_logged=False,
        background=table[:half],
        background_source="the given rows",
        target=target,
        outcomes=None,
        key="k" * 64,
        question="q" * 64,
    )


def answers_nan(rows: Any) -> Any:
    return rows["a"] * float("nan")


def answers_infinity(rows: Any) -> Any:
    return rows["a"] * float("inf")


def answers_text(rows: Any) -> Any:
    return ["<script>"] * len(rows)


def answers_too_few(rows: Any) -> Any:
    return rows["a"].to_numpy()[:-1]


def answers_three_dimensions(rows: Any) -> Any:
    import numpy as np

    return np.zeros((len(rows), 2, 2))


def answers_objects(rows: Any) -> Any:
    return [object()] * len(rows)


def answers_nothing(rows: Any) -> Any:
    return None


ANSWERS = {
    function.__name__: function
    for function in (
        answers_nan,
        answers_infinity,
        answers_text,
        answers_too_few,
        answers_three_dimensions,
        answers_objects,
        answers_nothing,
    )
}


def starts_a_process(rows: Any) -> Any:
    import os

    if os.fork() == 0:
        os._exit(0)
    return rows["a"]


def answers_a_table(rows: Any) -> Any:
    return (rows["a"] * rows["b"] + 2 * rows["c"]).to_frame("score")


def copies_its_files(rows: Any) -> Any:
    """What decent models do on the way: copy files, threads, locks, a database, temporary files, how many cores."""
    import fcntl
    import json
    import multiprocessing.pool
    import os
    import shutil
    import sqlite3
    import tempfile
    import threading
    from contextlib import closing
    from pathlib import Path

    shutil.copy2(os.__file__, "copied.py")
    with open("locked", "w", encoding="utf-8") as file:  # noqa: PTH123 - goes alone into a model's file
        fcntl.lockf(file, fcntl.LOCK_EX)
        os.set_blocking(file.fileno(), os.get_blocking(file.fileno()))
    with closing(sqlite3.connect("notes.db")) as notes, notes:
        notes.execute("CREATE TABLE IF NOT EXISTS note (text)")
        notes.execute("INSERT INTO note VALUES ('one')")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(Path(json.__file__).parent, f"{folder}/json")
    with multiprocessing.pool.ThreadPool(4) as pool, threading.Lock():
        pool.map(str, range(10))
    return rows["a"] * os.cpu_count()
