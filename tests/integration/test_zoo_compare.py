"""Versions of different origin, compared: in the same unit, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from harness.command_line import interp
from harness.zoo import Zoo, loans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import interp_pipeline
from interp_pipeline.errors import UsageError

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


def test_one_of_ours_and_one_of_theirs(zoo: Zoo) -> None:
    options = "--target outcome --positive-class repaid --n-estimators 6"
    ours = interp(f"train {zoo.folder}/loans.csv {options}").require_done()
    comparison = interp_pipeline.compare([ours, "models:/forest/1"], rows=8)
    assert comparison.output_unit == "probability"
    assert set(comparison.features["feature"]) == set(RAW)
    assert np.isfinite(comparison.metrics["rank_correlation"])
