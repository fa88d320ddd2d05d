"""What stands for "unknown" in an evaluation: the first of what is given, declared, logged and at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlflow
import pytest
from harness.evaluations import BRIEF, evaluate, log_sklearn, require_explained
from harness.zoo import loans, measurements
from sklearn.tree import DecisionTreeRegressor

from interp_pipeline.config import TrainConfig
from interp_pipeline.errors import NoDataError, UsageError
from interp_pipeline.steps.train import train
from interp_pipeline.tables import to_parquet_bytes

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

pytestmark = [
    pytest.mark.filterwarnings("ignore:(?s).*integer column:UserWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop"),  # MLflow's on pandas 3.1
]

NUMBERS = [f"m{i}" for i in range(5)]
TABLE = measurements()
OTHER = measurements(40, seed=3)
TREE = DecisionTreeRegressor(max_depth=4, random_state=0).fit(TABLE[NUMBERS], TABLE["amount"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def here(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    monkeypatch.chdir(store)


def _source(model: str, data: pd.DataFrame = TABLE, **options: Any) -> str:
    """Where the background came from, in words, and that it is what was used."""
    result = evaluate(model, data, "amount", evaluator_config={**BRIEF, **options})
    record = require_explained(result, "explanations/model")
    used = result.artifacts["explanations/model/background.parquet"].content
    assert len(used) == record["background_rows"]
    return str(record["background_source"])


def test_given_by_hand(tmp_path: Path) -> None:
    log_sklearn(TREE, TABLE[NUMBERS], "given")
    place = tmp_path / "other.csv"
    OTHER.to_csv(place, index=False)
    assert _source("models:/given/1", background=str(place)) == str(place)
    assert _source("models:/given/1", background=OTHER, background_rows=10) == "10 of 40 rows of the given frame, drawn"
    with pytest.raises(UsageError, match="the given frame lacks column 'm4', which models:/given/1 was trained on"):
        _source("models:/given/1", background=OTHER.drop(columns="m4"))


def test_declared_by_a_tag_or_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_sklearn(TREE, TABLE[NUMBERS], "declared")
    place = tmp_path / "other.parquet"
    OTHER.to_parquet(place)
    (tmp_path / "interp.toml").write_text(f'[[data]]\nmodels = "decl*"\nbackground = "{place}"\n', encoding="utf-8")
    with monkeypatch.context() as environment:
        environment.setenv("INTERP_CONFIG", str(tmp_path / "interp.toml"))
        by = "the table that the entry [[data]] for 'decl*' in the configuration names"
        assert _source("models:/declared/1") == f"{by} ({place})"
    mlflow.MlflowClient().set_registered_model_tag("declared", "interp.background", str(place))
    by = "the table that the tag interp.background of the registered model names"
    assert _source("models:/declared/1") == f"{by} ({place})"


def test_logged_with_the_run_or_the_model(tmp_path: Path) -> None:
    """The evaluation data is taken where none of these is, and where it has rows enough."""
    info = log_sklearn(TREE, TABLE[NUMBERS])
    assert _source(info.model_uri).startswith("100 of 160 rows of the evaluation data, drawn, none of them explained")
    with pytest.raises(
        NoDataError, match=r'^in an evaluation give evaluator_config=\{"interp": \{"background": FILE\}\}: '
    ):
        _source(info.model_uri, TABLE.head(8))

    example = log_sklearn(TREE, TABLE[NUMBERS], input_example=OTHER[NUMBERS])
    assert _source(example.model_uri, TABLE.head(8)) == "the input example logged with the model"

    (tmp_path / "background.parquet").write_bytes(to_parquet_bytes(OTHER[NUMBERS].rename_axis(index="row_id")))
    mlflow.MlflowClient().log_artifact(example.run_id, str(tmp_path / "background.parquet"), "training")
    assert _source(example.model_uri) == "the background data logged with the run"

    mlflow.MlflowClient().delete_run(example.run_id)
    assert _source(example.model_uri) == "the input example logged with the model"


def test_a_model_trained_here_has_its_training_rows(tmp_path: Path) -> None:
    table = loans()
    table.to_csv(tmp_path / "loans.csv", index=False)
    config = TrainConfig(target="outcome", n_estimators=5, positive_class="repaid")
    train(str(tmp_path / "loans.csv"), "trained", config)
    other = table.assign(job="pilot")
    result = evaluate("models:/trained/1", other, "outcome", "classifier")
    record = require_explained(result, "explanations/model")
    assert record["background_source"] == "the background data logged with the run"
    assert record["model"]["trained_here"]
    assert record["model"]["positive_class"] == "repaid"
    assert "explained rows, which training never saw: the forest takes it " in record["announcement"]["description"]
    assert (
        mlflow.MlflowClient().get_model_version("trained", "1").tags.keys().isdisjoint({"interp.status", "interp.key"})
    )
    wrong = {**BRIEF, "positive_class": "default"}
    with pytest.raises(UsageError, match="was trained with positive_class 'repaid', not 'default'"):
        evaluate("models:/trained/1", table, "outcome", "classifier", evaluator_config=wrong)
