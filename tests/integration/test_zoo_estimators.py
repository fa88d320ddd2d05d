"""Models that are no trees, pipelines around any of them, and functions: asked as their owners ask them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from harness.zoo import REQUIRED, Zoo, flowers, loans, measurements, require_sound
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

NUMBERS = [f"m{i}" for i in range(5)]
RAW = ["income", "age", "job", "home"]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return Zoo(tmp_path_factory.mktemp("zoo"))


def _fit(model: Any, table: pd.DataFrame, target: str) -> Any:
    return model.fit(table.drop(columns=target), table[target])


def _encoded() -> Any:
    """One-hot and imputed, as most people do it."""
    return make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
            ["job", "home"],
        ),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["income", "age"]),
    )


def test_a_linear_model_in_closed_form(zoo: Zoo) -> None:
    table = flowers()
    model = _fit(LogisticRegression(), table, "species")
    explained = zoo.explain(zoo.sklearn("linear", model, table, "species"), table)
    require_sound(explained, "shap_linear", NUMBERS)
    assert explained.shap.output_names == ("daisy", "rose", "tulip")
    assert explained.shap.output_unit == "softmax score"
    np.testing.assert_allclose(explained.shap.predictions, model.decision_function(explained.shap.data), atol=1e-9)


def test_a_support_vector_machine_without_probabilities(zoo: Zoo) -> None:
    table = flowers()
    table["species"] = np.where(table["species"] == "rose", "rose", "other")
    model = _fit(SVC(), table, "species")
    explained = zoo.explain(zoo.sklearn("svc", model, table, "species"), table)
    require_sound(explained, "shap_exact", NUMBERS)
    assert explained.shap.output_names == ("rose",)
    assert explained.shap.output_unit == "decision function"
    np.testing.assert_allclose(explained.shap.predictions[:, 0], model.decision_function(explained.shap.data))
    assert "are no probabilities" in explained.report


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("neighbours", KNeighborsClassifier(7)),
        ("mlp", MLPClassifier((8,), max_iter=40, random_state=0)),
        (
            "stacked",
            StackingClassifier(
                [("tree", DecisionTreeClassifier(max_depth=3, random_state=0)), ("knn", KNeighborsClassifier(5))],
                LogisticRegression(),
                cv=2,
            ),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")  # forty passes are enough to have something to explain
def test_models_that_can_only_be_asked(zoo: Zoo, name: str, model: Any) -> None:
    table = flowers()
    uri = zoo.sklearn(name, _fit(model, table, "species"), table, "species")
    explained = zoo.explain(uri, table, rows=6)
    require_sound(explained, "shap_exact", NUMBERS)
    assert explained.shap.output_names == ("daisy", "rose", "tulip")
    assert explained.shap.output_unit == "probability"
    np.testing.assert_allclose(explained.shap.predictions, model.predict_proba(explained.shap.data), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "final", "method", "unit"),
    [
        ("piped-forest", RandomForestClassifier(8, max_depth=5, random_state=0), "shap_tree", "probability"),
        ("piped-linear", LogisticRegression(), "shap_linear", "log-odds"),
    ],
)
def test_a_pipeline_is_explained_by_its_raw_columns(zoo: Zoo, name: str, final: Any, method: str, unit: str) -> None:
    table = loans()
    model = _fit(make_pipeline(_encoded(), final), table, "outcome")
    explained = zoo.explain(zoo.sklearn(name, model, table, "outcome"), table)
    require_sound(explained, method, RAW)
    assert explained.shap.output_unit == unit
    assert explained.shap.positive_class == "repaid"
    assert explained.manifest["model"]["words"] == f"pipeline ending in {type(final).__name__}"
    assert set(explained.shap.data["job"].dropna()) <= {"clerk", "cook", "nurse"}
    assert explained.shap.data["job"].isna().any()


def test_a_pipeline_that_reads_texts(zoo: Zoo) -> None:
    table = loans().dropna()
    random = np.random.default_rng(0)
    words = np.array(["paid in time", "late again", "asked for more", "moved house"])
    table["letter"] = words[np.where(table["outcome"] == "repaid", 0, random.integers(1, 4, len(table)))]
    encode = make_column_transformer((CountVectorizer(), "letter"), (StandardScaler(), ["income", "age"]))
    model = make_pipeline(encode, LogisticRegression()).fit(table[["letter", "income", "age"]], table["outcome"])
    uri = zoo.sklearn("letters", model, table[["letter", "income", "age", "outcome"]], "outcome")
    explained = zoo.explain(uri, table)
    require_sound(explained, explained.method, ["letter", "income", "age"])
    assert explained.method in {"shap_linear", "shap_exact"}
    assert explained.shap.ranking[0] == 0


def _weighted() -> Any:
    """A function of raw rows with named outputs, as a team may wrap its rules."""
    from mlflow.pyfunc import PythonModel

    class Weighted(PythonModel):
        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
            del context, params
            score = 1 / (
                1 + np.exp(-(model_input["income"].fillna(4000) - 5000) / 2000 - (model_input["home"] == "own"))
            )
            return pd.DataFrame({"refuse": 1 - score, "grant": score})

    return Weighted()


@pytest.mark.filterwarnings("ignore:.*type hint:UserWarning")
def test_a_function_of_raw_rows(zoo: Zoo) -> None:
    import mlflow
    from mlflow.models import infer_signature

    table = loans()[RAW]
    uri = zoo.register(
        "function",
        lambda name: mlflow.pyfunc.log_model(
            name="model",
            python_model=_weighted(),
            registered_model_name=name,
            signature=infer_signature(table.assign(age=table["age"].astype(float))),
            **REQUIRED,
        ),
    )
    explained = zoo.explain(uri, table)
    require_sound(explained, "shap_exact", RAW)
    assert explained.shap.output_names == ("refuse", "grant")
    assert explained.shap.output_unit == "probability"
    np.testing.assert_allclose(explained.shap.values[:, 1:3], 0, atol=1e-12)  # age and job play no part
    assert explained.manifest["model"]["words"] == "Python function"
    assert explained.shap.data["age"].dtype == np.float64  # as its signature declares them, whatever the table holds


def test_five_hundred_features(zoo: Zoo) -> None:
    table = measurements(120, 500)
    table = table.assign(big=table["amount"] > 0).drop(columns="amount")
    model = _fit(RandomForestClassifier(5, max_depth=4, random_state=0), table, "big")
    explained = zoo.explain(zoo.sklearn("wide", model, table, "big"), table, rows=5)
    require_sound(explained, "shap_tree", [f"m{i}" for i in range(500)])
    assert explained.shap.output_names == ("False", "True")


def test_five_hundred_features_of_a_model_that_can_only_be_asked(zoo: Zoo) -> None:
    table = measurements(80, 500)
    table["amount"] = table["m0"] + table["m1"] * table["m2"]
    uri = zoo.sklearn("asked", _fit(SVR(), table, "amount"), table, "amount")
    explained = zoo.explain(uri, table.head(1), background=table.tail(20), rows=1)
    require_sound(explained, "shap_permutation", [f"m{i}" for i in range(500)], exact=False)
    assert explained.shap.std_errors is not None
