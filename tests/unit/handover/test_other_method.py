"""A method nobody here knows goes the whole way with its standard errors: plan, numbers, handover, manifest, report."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING

import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
from harness.explainable_models import random_rows
from harness.handover import a_question, run_children
from harness.offered import COIN, offer
from sklearn.linear_model import LinearRegression

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.handover import read_answer, write_task
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.publish import _manifest
from interp_pipeline.stages.render import render
from interp_pipeline.tables import explanation_from_frame
from interp_pipeline.tracking import layout

if TYPE_CHECKING:
    from pathlib import Path

    from interp_pipeline.stages.fetch import Fetched

CONFIG = ExplainConfig(methods=("coin",), interactions=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    offer(folder, "coin_elsewhere", "coin", COIN)
    return folder


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    rows = pd.DataFrame(random_rows(40, 3, 1), columns=["age", "income", "children"])
    fetched = a_question(tmp_path_factory.mktemp("question"), rows)
    model = tmp_path_factory.mktemp("saved") / "model"
    mlflow.sklearn.save_model(LinearRegression().fit(rows, rows.sum(axis=1)), model, input_example=rows[:3])
    return dataclasses.replace(fetched, model_path=model)


@pytest.fixture(scope="module")
def answer(site: Path, question: Fetched, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What another process computed, in which that package is installed too."""
    task, answer = tmp_path_factory.mktemp("task"), tmp_path_factory.mktemp("answer")
    write_task(task, question, CONFIG)
    done = run_children((task, answer), site=site)
    assert done.returncode == 0, done.stderr
    return answer


@pytest.fixture(autouse=True)
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(site)


def test_its_standard_errors_come_out_at_the_other_end(answer: Path, question: Fetched) -> None:
    computed = read_answer(answer, question, CONFIG)
    shap = computed.shap
    assert shap is not None
    assert shap.std_errors is not None
    np.testing.assert_array_equal(shap.std_errors, np.abs(shap.values) / 8)
    assert computed.checks["relative_sampling_error"] == pytest.approx(1 / 8)
    files = render(question, computed, CONFIG, SilentProgress())
    table = pd.read_parquet(io.BytesIO(files[layout.SHAP_VALUES]))
    assert [name for name in table if name.startswith("std_error/")] == [f"std_error/{name}" for name in shap.data]
    read = explanation_from_frame(
        table, question.rows, output_unit="amount", positive_class=None, method="coin", seed=1, cost=shap.cost
    )
    np.testing.assert_array_equal(read.std_errors, shap.std_errors)
    page = files[layout.REPORT].decode()
    assert "The effects are estimated by sampling. Their typical error is 12.5\N{NO-BREAK SPACE}%" in page
    assert "<b>coin</b>: Requested explicitly, of the package coin_elsewhere 1.5." in page
    record = _manifest(question, computed, CONFIG, {}, files)
    (entry,) = record["methods"]
    assert (entry["kind"], entry["name"], entry["exact"], entry["details"]) == ("shap", "coin", False, {"tosses": 3.0})
    assert record["libraries"]["coin_elsewhere"] == "1.5"


def test_an_answer_without_them_is_refused(answer: Path, question: Fetched, tmp_path: Path) -> None:
    for file in answer.iterdir():
        if "std_errors" not in file.name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match=r"no answer that can be used .*std_errors"):
        read_answer(tmp_path, question, CONFIG)


def test_an_answer_by_it_that_nobody_asked_for_is_refused(answer: Path, question: Fetched) -> None:
    with pytest.raises(ModelError, match=r"no answer that can be used .*is no method"):
        read_answer(answer, question, dataclasses.replace(CONFIG, methods=("shap",)))
