"""Code of a model that answers wrongly, raises, or ends its process: a clear reason, and never an explanation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.handover import run_children
from harness.sessions import session_of, version_of
from harness.zoo import REQUIRED, Zoo, measurements

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError, ModelProcessError, UsageError
from interp_pipeline.handover import read_answer, write_task
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.fetch import fetch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from interp_pipeline.stages.fetch import Fetched

pytestmark = pytest.mark.filterwarnings("ignore:.*type hint:UserWarning")  # MLflow, on functions without them

_TABLE = measurements(40).drop(columns="amount")
_CONFIG = ExplainConfig(rows=6, background_rows=8, lime_samples=60, methods=("auto",), target="amount")
_URI = r"models:/\w+/1"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Left:
    """What a child left of one task."""

    fetched: Fetched
    answer: Path


def _registered(zoo: Zoo, name: str, answers: Callable[[pd.DataFrame], Any]) -> str:
    from mlflow.pyfunc import PythonModel

    class Function(PythonModel):
        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
            del context, params
            return answers(model_input)

    def log(called: str) -> None:
        import mlflow

        mlflow.pyfunc.log_model(name="m", python_model=Function(), registered_model_name=called, **REQUIRED)

    return zoo.register(name, log)


def _functions() -> dict[str, Callable[[pd.DataFrame], Any]]:
    """What a model's predict may do; inside a function, so that it travels with the model."""

    def leave(rows: pd.DataFrame) -> Any:
        import sys

        sys.exit(len(rows) * 0)

    def interrupt(rows: pd.DataFrame) -> Any:
        raise KeyboardInterrupt(len(rows))

    def fail(rows: pd.DataFrame) -> Any:
        msg = f"\nthe weights\nare gone: {len(rows)}"
        raise OSError(msg)

    def fail_speechless(rows: pd.DataFrame) -> Any:
        class Speechless(Exception):  # noqa: N818 - as others name theirs
            def __str__(self) -> str:
                raise ValueError

        raise Speechless(len(rows))

    def recurse(rows: pd.DataFrame) -> Any:
        return recurse(rows)

    def allocate(rows: pd.DataFrame) -> Any:
        return np.ones((len(rows), 2**50))

    def vanish(rows: pd.DataFrame) -> Any:
        import os

        os._exit(len(rows) * 0)

    def chance(rows: pd.DataFrame) -> Any:
        return np.random.default_rng().normal(size=len(rows))

    return {
        "gaps": lambda rows: np.full(len(rows), np.nan),
        "endless": lambda rows: rows["m0"].to_numpy() / 0.0,
        "huge": lambda rows: rows["m0"].to_numpy() * 1e120,
        "short": lambda rows: rows["m0"].to_numpy()[:-1],
        "long": lambda rows: np.append(rows["m0"].to_numpy(), 1.0),
        "one": lambda _rows: 1.5,
        "cube": lambda rows: np.zeros((len(rows), 2, 2)),
        "texts": lambda rows: pd.DataFrame({"said": ["yes"] * len(rows), "why": ["so"] * len(rows)}),
        "mapping": lambda rows: {"a": rows["m0"]},
        "nothing": lambda _rows: None,
        "chance": chance,
        "leave": leave,
        "interrupt": interrupt,
        "fail": fail,
        "speechless": fail_speechless,
        "recurse": recurse,
        "allocate": allocate,
        "table": lambda rows: pd.DataFrame({"amount": rows["m0"] + 2 * rows["m1"] * rows["m2"]}),
        "labels": lambda rows: np.where(rows["m0"] > 0, "big", "small"),
        "vanish": vanish,
    }


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Left]:
    """All of them, asked one after the other in one child; the last of them ends it."""
    from mlflow import MlflowClient

    zoo, folder = Zoo(tmp_path_factory.mktemp("zoo")), tmp_path_factory.mktemp("left")
    found = {}
    for name, answers in _functions().items():
        places = [folder / name / each for each in ("model", "task", "answer")]
        for place in places:
            place.mkdir(parents=True)
        uri = _registered(zoo, name, answers)
        client = MlflowClient(zoo.uri)
        version = version_of(client, uri)
        fetched = fetch(session_of(client), version, _CONFIG, places[0], data=_TABLE, progress=SilentProgress())
        write_task(places[1], fetched, _CONFIG)
        found[name] = Left(fetched=fetched, answer=places[2])
    done = run_children(*((each.answer.with_name("task"), each.answer) for each in found.values()))
    assert done.returncode == 0, done.stderr  # even so the last one has not answered
    return found


def _read(left: Left) -> Any:
    return read_answer(left.answer, left.fetched, _CONFIG)


_REASONS = {
    "gaps": "the model's answer for row .* is not a finite number",
    "endless": "is not a finite number",
    "huge": r"shap_values\.npy holds numbers that are not finite, or larger than 1e\+100",
    "short": "the model gives 5 answers for 6 rows; it must give one for each row",
    "long": "the model gives 7 answers for 6 rows",
    "one": "an array of 0 dimensions",
    "cube": "an array of 3 dimensions; each row needs one number",
    "texts": "the model answers with the columns said, why, none of them numbers",
    "nothing": "an array of 0 dimensions",
    "chance": "answers the same rows differently each time|depends on the rows",
    "leave": r"its code ended the process while it was explained \(SystemExit\); let it return",
    "interrupt": r"its code ended the process while it was explained \(KeyboardInterrupt\)",
    "fail": "OSError: the weights",
    "speechless": r"\(Speechless, line \d+ of test_handover_model_code.py\)",
    "recurse": "RecursionError: maximum recursion depth exceeded",
    "vanish": r"its process left no answer that can be used \(it ended without one\)",
}


@pytest.mark.parametrize("name", _REASONS)
def test_a_model_that_cannot_be_explained_says_why(left: dict[str, Left], name: str) -> None:
    with pytest.raises(ModelError, match=f"^{_URI}: .*({_REASONS[name]})") as caught:
        _read(left[name])
    assert type(caught.value) is ModelError
    assert "\n" not in str(caught.value)


def test_too_little_memory_may_be_enough_another_time(left: dict[str, Left]) -> None:
    with pytest.raises(
        ModelProcessError, match=rf"^{_URI}: the memory it was given was not enough \(.*Unable"
    ) as caught:
        _read(left["allocate"])
    assert caught.value.kind == "out_of_memory"


def test_answers_that_can_be_read_are_explained(left: dict[str, Left]) -> None:
    table, labels, mapping = (_read(left[name]) for name in ("table", "labels", "mapping"))
    np.testing.assert_allclose(mapping.shap.predictions[:, 0], mapping.rows["m0"])
    assert (table.shap.output_names, table.facts.task) == (("amount",), "regression")
    assert (labels.shap.output_names, labels.shap.output_unit) == (("big", "small"), "share of votes")
    assert labels.facts.notes


def test_what_the_caller_got_wrong_stays_the_callers_mistake(left: dict[str, Left], tmp_path: Path) -> None:
    labels = left["labels"]
    asked = dataclasses.replace(_CONFIG, positive_class="enormous")
    lacking = dataclasses.replace(labels.fetched, background=_TABLE.head(8)[["m0"]])
    pairs = []
    for name, fetched, config in (("option", labels.fetched, asked), ("column", lacking, _CONFIG)):
        task, answer = tmp_path / name / "task", tmp_path / name / "answer"
        task.mkdir(parents=True)
        answer.mkdir()
        write_task(task, fetched, config)
        pairs.append((task, answer))
    assert run_children(*pairs).returncode == 0
    with pytest.raises(UsageError, match="positive class 'enormous' does not fit the model's classes big, small"):
        read_answer(pairs[0][1], labels.fetched, asked)
    with pytest.raises(UsageError, match="the background data lack the column 'm1'"):
        read_answer(pairs[1][1], lacking, _CONFIG)


def test_an_answer_that_cannot_be_written_is_no_end_of_a_good_process(left: dict[str, Left], tmp_path: Path) -> None:
    done = run_children((left["table"].answer.with_name("task"), tmp_path / "full" / "disk"))
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
