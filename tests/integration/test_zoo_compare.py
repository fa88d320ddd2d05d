"""Versions of different origin, compared: in the same unit, or not at all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.command_line import interp, script
from harness.zoo import Zoo, loans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import interp_pipeline
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.comparison import Comparison

RAW = ["income", "age", "job", "home"]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """A forest and boosted trees of other people's, and a forest of ours, for the same table."""
    made, table = Zoo(tmp_path_factory.mktemp("zoo")), loans()
    encode = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["job", "home"]),
        remainder="passthrough",
    )
    for name, final in (
        ("forest", RandomForestClassifier(8, max_depth=5, random_state=0)),
        ("boosted", HistGradientBoostingClassifier(max_iter=10, random_state=0)),
    ):
        model = make_pipeline(encode, final).fit(table[RAW], table["outcome"])
        made.sklearn(name, model, table, "outcome")
    table.to_csv(made.folder / "loans.csv", index=False)
    return made


@pytest.fixture(autouse=True)
def here(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store, as MLflow's own setting names it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", zoo.uri)
    monkeypatch.chdir(zoo.folder)


def test_probabilities_and_log_odds_are_not_compared(zoo: Zoo) -> None:
    with pytest.raises(UsageError) as caught:
        interp_pipeline.compare(["models:/forest/1", "models:/boosted/1"], data=str(zoo.folder / "loans.csv"), rows=8)
    assert str(caught.value) == (
        "models:/forest/1 is explained in probabilities and models:/boosted/1 in log-odds: "
        "compare both in probabilities with --output probability"
    )


def test_both_in_probabilities_are_compared_and_published(zoo: Zoo) -> None:
    outcome = interp(
        f"compare models:/forest/1 models:/boosted/1 --data {zoo.folder}/loans.csv --rows 8 --output probability"
    )
    assert outcome.require_done().startswith("runs:/")
    assert "rank_correlation" in outcome.stderr


def test_published_explanations_are_compared_as_they_are(zoo: Zoo) -> None:
    for name in ("forest", "boosted"):
        zoo.explain(f"models:/{name}/1", loans(), rows=8, output="probability")
    comparison = interp_pipeline.compare(["models:/forest/1", "models:/boosted/1"], rows=8)
    assert comparison.output_unit == "probability"
    assert comparison.n_rows == 8


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What Python calls tell whoever listens to their logger."""
    caplog.set_level(logging.INFO, logger="interp")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "interp"]


def _both(**options: Any) -> Comparison:
    return interp_pipeline.compare(
        ["models:/forest/1", "models:/boosted/1"], **{"rows": 8, "output": "probability", **options}
    )


@pytest.mark.usefixtures("zoo")
def test_all_are_explained_against_the_background_that_is_given() -> None:
    table = loans()
    background = table[table["job"] == "nurse"][:25]
    given = _both(data=table[:8], background=background, background_rows=20).features.set_index("feature")
    for name in ("forest", "boosted"):
        alone = interp_pipeline.explain(
            f"models:/{name}/1", data=table[:8], background=background, background_rows=20, output="probability"
        )
        expected = dict(zip(alone.feature_names, alone.importance, strict=True))
        np.testing.assert_allclose(given[f"importance_{name} v1"], [expected[f] for f in given.index], rtol=1e-9)
    others = table[table["job"] != "nurse"][:25]
    other = _both(data=table[:8], background=others, background_rows=20).features.set_index("feature")
    assert not np.allclose(given["importance_forest v1"], other["importance_forest v1"][given.index])


@pytest.mark.usefixtures("zoo")
def test_every_line_says_which_version_it_is_about(told: Callable[[], list[str]]) -> None:
    _both(data=loans(), background=loans()[:30])
    lines = told()
    for name in ("forest", "boosted"):
        assert [line for line in lines if line.startswith(f"{name} v1: Fetching models:/{name}/1: done")]
        assert [line for line in lines if line.startswith(f"{name} v1: Loading the model: done")]
        assert [line for line in lines if line.startswith(f"{name} v1: shap_")]
        assert [line for line in lines if line.startswith(f"{name} v1: Explaining 8 rows with shap_")]
    assert "Effects are relative to 30 background rows of the given frame." in lines  # of all of them


def test_the_command_hands_everything_on(zoo: Zoo) -> None:
    loans()[:30].to_csv(zoo.folder / "typical.csv", index=False)
    outcome = interp(
        "compare models:/forest/1 models:/boosted/1 --data loans.csv --background typical.csv --background-rows 10 "
        "--rows 5 --seed 3 --output probability --max-evaluations 1000000"
    )
    outcome.require_done()
    assert "Effects are relative to a background of 10 of 30 rows of typical.csv, drawn." in outcome.stderr
    too_few = interp(
        "compare models:/forest/1 models:/boosted/1 --data loans.csv --output probability --max-evaluations 20"
    )
    too_few.require_error(1, "more than max_evaluations=20")


def test_so_does_the_entry_point(zoo: Zoo) -> None:
    table, uris = zoo.folder / "loans.csv", "models:/forest/1,models:/boosted/1"
    options = f"--model-uris {uris} --data {table} --background {table} --rows 5 --output probability --target outcome"
    outcome = script("compare", options, {"MLFLOW_TRACKING_URI": zoo.uri})
    assert f"Effects are relative to a background of 100 of 160 rows of {table}, drawn." in outcome.stderr
    assert "Compared models:/forest/1, models:/boosted/1: runs:/" in outcome.stderr
    outcome.require_done()


def test_models_that_may_predict_the_same_are_told_how_to_say_it(zoo: Zoo) -> None:
    table = loans()
    for name, labels in (("named", ["default", "repaid"]), ("numbered", [0, 1])):
        outcome = np.array(labels, dtype=object)[(table["outcome"] == "repaid").astype(int)]
        numbers = table[["age"]].assign(outcome=pd.Series(outcome).infer_objects())
        model = RandomForestClassifier(3, random_state=0).fit(numbers[["age"]], numbers["outcome"])
        zoo.sklearn(name, model, numbers, "outcome")
    uris = ["models:/named/1", "models:/numbered/1"]
    with pytest.raises(UsageError, match="compare models of the same target; if they do, say it with --class-names"):
        interp_pipeline.compare(uris, data=table, rows=4)
    named = interp_pipeline.compare(uris, data=table, rows=4, class_names=["default", "repaid"])
    assert named.outputs == ("repaid",)


def test_one_of_ours_and_one_of_theirs(zoo: Zoo) -> None:
    options = "--target outcome --positive-class repaid --n-estimators 6"
    ours = interp(f"train {zoo.folder}/loans.csv {options}").require_done()
    comparison = interp_pipeline.compare([ours, "models:/forest/1"], rows=8)
    assert comparison.output_unit == "probability"
    assert set(comparison.features["feature"]) == set(RAW)
    assert np.isfinite(comparison.metrics["rank_correlation"])
