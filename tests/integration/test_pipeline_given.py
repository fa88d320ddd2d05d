"""Published is what the registered model serves for the rows as a frame, a file or a data set of the run has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from harness.zoo import Zoo
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

from interp_pipeline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(0)
N = 120
ZIPS = {"01234": 4.0, "NA": -3.0, "10115": 0.0, "1e5": 1.0}
TABLE = pd.DataFrame(
    {
        "zip": RANDOM.choice(list(ZIPS), N),
        "when": pd.Timestamp("2025-01-01") + pd.to_timedelta(RANDOM.integers(0, 8760, N), "h"),
        "gap": pd.Series(RANDOM.choice(np.array(["x", "y", None], dtype=object), N), dtype=object),
    }
)


def _hour(table: pd.DataFrame) -> Any:
    return table.apply(lambda column: column.dt.hour).to_numpy(dtype=float)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return Zoo(tmp_path_factory.mktemp("given"))


def _model(table: pd.DataFrame) -> Any:
    filled = make_pipeline(
        SimpleImputer(missing_values=None, strategy="constant", fill_value="none"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    parts = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["zip"]), (FunctionTransformer(_hour), ["when"]), (filled, ["gap"])
    )
    target = table["zip"].map(ZIPS) + table["when"].dt.hour / 10 + (table["gap"] == "x")
    return make_pipeline(parts, DecisionTreeRegressor(random_state=0)).fit(table, target)


def _register(zoo: Zoo, name: str, table: pd.DataFrame, *inputs: Any) -> str:
    from mlflow.models import infer_signature

    model = _model(table)
    options: dict[str, Any] = {"serialization_format": "cloudpickle", "pip_requirements": ["mlflow"]}

    def log(registered: str) -> None:
        signature = infer_signature(table, model.predict(table))
        mlflow.sklearn.log_model(model, name="model", registered_model_name=registered, signature=signature, **options)

    return zoo.register(name, log, *inputs)


def _require_served(uri: str, explained: Any, given: pd.DataFrame) -> None:
    served = np.asarray(mlflow.pyfunc.load_model(uri).predict(given.loc[explained.shap.data.index]), dtype=float)
    np.testing.assert_allclose(explained.shap.predictions[:, 0], served, rtol=1e-12)
    assert explained.manifest["checks"]["served_disagreement"] == 0
    assert "refuses" not in explained.report
    times = explained.shap.data["when"]
    assert times.dt.minute.eq(0).all()
    assert times.dt.second.eq(0).all()


def test_a_frame_with_times_and_none(zoo: Zoo) -> None:
    uri = _register(zoo, "frame", TABLE)
    _require_served(uri, zoo.explain(uri, TABLE, rows=20), TABLE)
    with pytest.raises(DataError, match=r"column 'when', row .* is in a time zone, .*MLflow refuses it too"):
        zoo.explain(uri, TABLE.assign(when=TABLE["when"].dt.tz_localize("UTC")))


def test_a_csv_file_and_a_data_set_of_the_run(zoo: Zoo, tmp_path: Path) -> None:
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.data.sources import LocalArtifactDatasetSource

    table = TABLE.assign(gap=TABLE["gap"].fillna("z"))
    path = tmp_path / "rows.csv"
    table.to_csv(path, index=False)
    dataset = from_pandas(table, source=LocalArtifactDatasetSource(str(path)), name="rows")
    uri = _register(zoo, "csv", table, (dataset, "test"))
    for data in (str(path), None):
        explained = zoo.explain(uri, data, rows=20)
        _require_served(uri, explained, table)
        assert set(explained.shap.data["zip"]) == set(ZIPS)
        importance = dict(
            zip(explained.shap.feature_names, np.abs(explained.shap.values[:, :, 0]).mean(axis=0), strict=True)
        )
        assert importance["zip"] > 1
