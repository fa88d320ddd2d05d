"""Trees, forests and boosted trees that others registered: exact, in the names and units of their owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness.zoo import REQUIRED, Zoo, flowers, loans, measurements, require_sound
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = [f"m{i}" for i in range(5)]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return Zoo(tmp_path_factory.mktemp("zoo"))


def _fit(model: Any, table: pd.DataFrame, target: str) -> Any:
    return model.fit(table.drop(columns=target), table[target])


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("tree", DecisionTreeClassifier(max_depth=4, random_state=0)),
        ("forest", RandomForestClassifier(8, max_depth=5, random_state=0)),
        ("extra", ExtraTreesClassifier(8, max_depth=5, random_state=0)),
    ],
)
def test_classes_of_trees_that_vote(zoo: Zoo, name: str, model: Any) -> None:
    table = flowers()
    uri = zoo.sklearn(name, _fit(model, table, "species"), table, "species")
    explained = zoo.explain(uri, table)
    require_sound(explained, "shap_tree", NUMBERS)
    shap = explained.shap
    assert shap.output_names == ("daisy", "rose", "tulip")
    assert shap.output_unit == "probability"
    np.testing.assert_allclose(shap.predictions, model.predict_proba(shap.data), atol=1e-12)
    assert shap.ranking[0] in {0, 1, 2}


def test_a_forest_of_two_classes_saved_by_skops(zoo: Zoo) -> None:
    table = loans()[["income", "age", "outcome"]].dropna()
    model = _fit(RandomForestClassifier(8, max_depth=5, random_state=0), table, "outcome")
    uri = zoo.sklearn(
        "skops",
        model,
        table,
        "outcome",
        serialization_format="skops",
        skops_trusted_types=["sklearn.tree._tree.Tree"],
    )
    explained = zoo.explain(uri, table, positive_class="default")
    require_sound(explained, "shap_tree", ["income", "age"])
    assert explained.shap.output_names == ("default", "repaid")
    assert explained.shap.positive_class == "default"
    assert explained.manifest["model"]["words"] == "RandomForestClassifier"
    assert "A RandomForestClassifier that predicts “outcome”: it gives each row a probability of being “default”" in (
        explained.report
    )


def test_a_forest_that_predicts_a_number(zoo: Zoo) -> None:
    table = measurements()
    model = _fit(RandomForestRegressor(8, max_depth=5, random_state=0), table, "amount")
    explained = zoo.explain(zoo.sklearn("number", model, table, "amount"), table)
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.shap.output_names == ("amount",)
    assert explained.shap.output_unit == "amount"
    assert "that predicts a number, “amount”" in explained.report
    assert "The true outcome was" in explained.report  # the table holds them


def test_a_forest_that_predicts_two_numbers(zoo: Zoo) -> None:
    import mlflow
    from mlflow.models import infer_signature

    table = measurements()
    both = table[["amount"]].assign(half=table["amount"] / 2)
    features = table[NUMBERS]
    model = RandomForestRegressor(6, max_depth=4, random_state=0).fit(features, both)
    uri = zoo.register(
        "pair",
        lambda name: mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=name,
            signature=infer_signature(features, both),
            serialization_format="cloudpickle",
            **REQUIRED,
        ),
    )
    explained = zoo.explain(uri, features)
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.shap.output_names == ("amount", "half")
    np.testing.assert_allclose(explained.shap.predictions, model.predict(explained.shap.data), rtol=1e-12)


def test_boosted_trees_add_up_in_log_odds(zoo: Zoo) -> None:
    table = flowers()
    model = _fit(GradientBoostingClassifier(n_estimators=10, random_state=0), table, "species")
    explained = zoo.explain(zoo.sklearn("boosted", model, table, "species"), table)
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.shap.output_names == ("daisy", "rose", "tulip")
    assert explained.shap.output_unit == "log-odds"
    np.testing.assert_allclose(explained.shap.predictions, model.decision_function(explained.shap.data), atol=1e-9)


def test_boosted_trees_with_gaps_and_categories(zoo: Zoo) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    table = loans()
    encode = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), ["job", "home"]),
        remainder="passthrough",
    )
    boosted = HistGradientBoostingClassifier(max_iter=12, categorical_features=[0, 1], random_state=0)
    model = _fit(make_pipeline(encode, boosted), table, "outcome")
    explained = zoo.explain(zoo.sklearn("hist", model, table, "outcome"), table)
    require_sound(explained, "shap_tree", ["income", "age", "job", "home"])
    assert explained.shap.output_names == ("repaid",)
    assert explained.shap.output_unit == "log-odds"
    assert "answers “repaid” where that is above zero" in explained.report
    as_shares = zoo.explain("models:/hist/1", table, output="probability")
    assert as_shares.shap.output_unit == "probability"
    odds = model.decision_function(as_shares.shap.data)
    np.testing.assert_allclose(as_shares.shap.predictions[:, 1], 1 / (1 + np.exp(-odds)), atol=1e-9)
