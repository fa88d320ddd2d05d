"""Trees, forests and boosted trees that others registered: exact, in the names and units of their owners."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
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

import interp_pipeline
from interp_pipeline.errors import UsageError

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


def test_boosted_trees_of_three_classes_add_up_in_softmax_scores(zoo: Zoo) -> None:
    table = flowers()
    model = _fit(GradientBoostingClassifier(n_estimators=10, random_state=0), table, "species")
    explained = zoo.explain(zoo.sklearn("boosted", model, table, "species"), table)
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.shap.output_names == ("daisy", "rose", "tulip")
    assert explained.shap.output_unit == "softmax score"
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


def test_interactions_of_raw_columns_of_a_pipeline_are_found_and_drawn(zoo: Zoo) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "size": random.normal(size=400),
            "colour": random.choice(["red", "green", "blue"], 400),
            "weight": random.normal(size=400),
            "age": random.normal(size=400),
        }
    )
    table["price"] = 5.0 * (table["colour"] == "red") * (table["size"] > 0) + table["age"]
    encode = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    model = _fit(make_pipeline(encode, RandomForestRegressor(20, max_depth=5, random_state=0)), table, "price")
    uri = zoo.sklearn("planted", model, table, "price")
    explained = zoo.explain(uri, table, rows=30)
    published = pd.DataFrame(**json.loads((explained.folder / "interactions.json").read_text(encoding="utf-8")))
    assert published.iloc[0, :2].tolist() == ["size", "colour"]
    assert published["mean_abs_interaction"][0] > 3 * published["mean_abs_interaction"][1]
    found = interp_pipeline.find_interactions(uri, data=table, rows=30)
    assert found.pairs[0] == (0, 1)
    assert found.strength[0, 1] == pytest.approx(published["mean_abs_interaction"][0], rel=1e-5)  # the table rounds
    content = interp_pipeline.plots.to_png(interp_pipeline.plots.interactions(found))
    assert content == (explained.folder / "plots" / "interactions.png").read_bytes()


def test_a_model_without_trees_has_no_interactions_to_read(zoo: Zoo) -> None:
    from sklearn.linear_model import LinearRegression

    table = measurements()
    uri = zoo.sklearn("line", _fit(LinearRegression(), table, "amount"), table, "amount")
    with pytest.raises(UsageError, match="no tree ensemble"):
        interp_pipeline.find_interactions(uri, data=table)
