"""Models as other people register them: fitted with their libraries, logged with MLflow's own flavors."""

from __future__ import annotations

import contextlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import interp_pipeline
from interp_pipeline.checks import output_range
from interp_pipeline.explanation import LOG_ODDS, PROBABILITY, SOFTMAX_SCORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import Explanation

__all__ = ["REQUIRED", "Explained", "Zoo", "flowers", "loans", "measurements", "require_sound"]

# Else MLflow starts a process of its own to find out what a model imports.
REQUIRED: dict[str, Any] = {"pip_requirements": ["mlflow", "scikit-learn"]}
_NOT_OURS = ("(?s).*integer column", ".*pickle", ".*signature", ".*[Ii]nput example", ".*Any type hint")


def measurements(n_rows: int = 160, n_features: int = 5, seed: int = 0) -> pd.DataFrame:
    """Numbers alone, and a number to predict: ``amount``."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({f"m{i}": random.normal(size=n_rows) for i in range(n_features)})
    return table.assign(amount=3 * table["m0"] - 2 * np.maximum(table["m1"], 0) + table["m2"] * table["m3"])


def flowers(n_rows: int = 160) -> pd.DataFrame:
    """Numbers alone, and three classes: ``species``."""
    table = measurements(n_rows, seed=1).drop(columns="amount")
    species = np.select([table["m0"] > 0.4, table["m1"] + table["m2"] > 0.3], ["rose", "tulip"], "daisy")
    return table.assign(species=species)


def loans(n_rows: int = 160) -> pd.DataFrame:
    """Numbers with gaps, categories with gaps, and two classes: ``outcome``."""
    random = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "income": random.integers(1000, 9000, n_rows).astype(np.float64),
            "age": random.integers(18, 80, n_rows),
            "job": random.choice(["clerk", "cook", "nurse"], n_rows),
            "home": random.choice(["own", "rent"], n_rows),
        }
    )
    good = table["income"] + 40 * table["age"] + 900 * (table["job"] == "nurse") + 300 * random.normal(size=n_rows)
    table["outcome"] = np.where(good > np.median(good), "repaid", "default")
    table.loc[random.random(n_rows) < 0.1, "income"] = np.nan
    table["job"] = table["job"].astype(object).where(random.random(n_rows) >= 0.1, None)
    return table


@dataclass(frozen=True, kw_only=True, eq=False)
class Explained:
    """What explaining and publishing a version gave."""

    shap: Explanation
    folder: Path  # of the published explanation

    @property
    def manifest(self) -> dict[str, Any]:
        """As it lies in the run."""
        return dict(json.loads((self.folder / "manifest.json").read_text(encoding="utf-8")))

    @property
    def report(self) -> str:
        """The page, with plain blanks."""
        page = (self.folder / "report.html").read_text(encoding="utf-8")
        return page.replace("\N{NO-BREAK SPACE}", " ").replace("&#39;", "'")

    @property
    def method(self) -> str:
        """The SHAP method the manifest names."""
        return str(next(each["name"] for each in self.manifest["methods"] if each["kind"] == "shap"))


class Zoo:
    """An embedded store, and ways to put models into it as their owners would."""

    def __init__(self, folder: Path) -> None:
        """Use an empty folder."""
        self.folder = folder
        self.uri = f"sqlite:///{folder / 'mlflow.db'}"

    def register(self, name: str, log: Callable[[str], Any], *inputs: Any, run: bool = True) -> str:
        """Log and register a model.

        Args:
            name: registered name.
            log: logs the model to the open run under the registered name it is given.
            inputs: data sets to log, with their contexts.
            run: whether there is a run at all.

        Returns:
            The version's URI.
        """
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        with contextlib.chdir(self.folder), warnings.catch_warnings():
            for text in _NOT_OURS:
                warnings.filterwarnings("ignore", message=text)
            with mlflow.start_run() if run else contextlib.nullcontext():
                for dataset, context in inputs:
                    mlflow.log_input(dataset, context=context)
                log(name)
        return f"models:/{name}/1"

    def sklearn(self, name: str, model: Any, table: pd.DataFrame, target: str, **options: Any) -> str:
        """Log a scikit-learn model with its signature, the way MLflow's documentation does."""
        import mlflow
        from mlflow.models import infer_signature

        features = table.drop(columns=target)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="(?s).*integer column")
            signature = infer_signature(features, table[target])
        chosen: dict[str, Any] = {"signature": signature, "serialization_format": "cloudpickle", **REQUIRED, **options}

        def log(registered: str) -> None:
            mlflow.sklearn.log_model(model, name="model", registered_model_name=registered, **chosen)

        return self.register(name, log)

    def explain(self, uri: str, data: Any = None, **options: Any) -> Explained:
        """Explain by the public function, and publish."""
        import mlflow

        mlflow.set_tracking_uri(self.uri)
        shap = interp_pipeline.explain(
            uri, data=data, publish=True, replace=True, **{"rows": 10, "methods": "shap", **options}
        )
        name, version = uri.removeprefix("models:/").split("/")
        tags = mlflow.MlflowClient().get_model_version(name, version).tags
        assert tags["interp.status"] == "done"
        artifacts = mlflow.MlflowClient().get_run(tags["interp.run_id"]).info.artifact_uri.removeprefix("file://")
        return Explained(shap=shap, folder=Path(artifacts, tags["interp.artifact_path"]))


def require_sound(explained: Explained, method: str, features: list[str], *, exact: bool = True) -> None:
    """Hold a published explanation against what every one must be."""
    shap, manifest = explained.shap, explained.manifest
    assert explained.method == shap.method == method
    assert list(shap.feature_names) == features
    spread = output_range(shap)
    checks = manifest["checks"]
    gaps = np.abs(shap.base_values + shap.values.sum(axis=1) - shap.predictions).max()
    assert gaps <= 1e-6 * spread
    assert checks["additivity_error"] <= 1e-6 * spread
    assert checks["prediction_mismatch"] <= 1e-5 * max(spread, float(np.abs(shap.predictions).max()))
    assert checks["base_value_error"] <= 1e-5 * max(spread, float(np.abs(shap.base_values).max()))
    assert checks["served_disagreement"] == 0
    assert manifest["methods"][0]["exact"] is exact
    assert manifest["model"]["output_unit"] == shap.output_unit
    assert not manifest["model"]["trained_here"]
    values = pd.read_parquet(explained.folder / "shap_values.parquet")
    assert [column.removeprefix("shap/") for column in values.columns if column.startswith("shap/")] == features
    assert set(values["output"]) == set(shap.output_names)
    assert list(pd.read_parquet(explained.folder / "explained_rows.parquet").columns) == features
    table = json.loads((explained.folder / "global_importance.json").read_text(encoding="utf-8"))
    assert {row[0] for row in table["data"]} == set(features)
    words = explained.report
    if shap.output_unit == LOG_ODDS:
        assert "log-odds" in words
        assert "a probability of being" not in words
        assert "which is a probability of" in words  # beside every score that is told
    elif shap.output_unit == SOFTMAX_SCORE:
        assert "softmax scores" in words
        assert all(untrue not in words for untrue in ("log-odds", "even odds", "a probability of being"))
        assert "beside the scores of the other classes is a probability of" in words
    elif shap.output_unit == PROBABILITY:
        assert "probability of" in words
