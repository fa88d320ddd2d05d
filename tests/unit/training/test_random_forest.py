"""The forest: the same however it is grown, and right about what is plain to see."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from interp_pipeline.config import TrainConfig
from interp_pipeline.data.inference import infer_schema
from interp_pipeline.data.target import encode_target
from interp_pipeline.data.typed_rows import TypedRows
from interp_pipeline.training.random_forest import fit_random_forest

if TYPE_CHECKING:
    from interp_pipeline.training.fitted import FittedModel


def _loans(n: int = 200) -> pd.DataFrame:
    """A loan goes bad where its rate is high; everything else is noise."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "rate": random.uniform(0, 10, n).round(1),
            "colour": random.choice(["red", "green", "blue"], n),
            "age": random.integers(18, 80, n).astype(float),
        }
    )
    table["outcome"] = np.where(table["rate"] > 5, "bad", "good")
    table.loc[table.index % 9 == 0, "age"] = np.nan
    return table


@pytest.mark.parametrize("n_estimators", [1, 9, 10, 25])
@pytest.mark.parametrize("target", ["outcome", "rate"])
def test_grown_in_steps_it_is_the_forest_grown_at_once(n_estimators: int, target: str) -> None:
    table = _loans()
    config = TrainConfig(target=target, n_estimators=n_estimators, max_depth=4, seed=5)
    schema = infer_schema(table, config)
    steps: list[int] = []
    model = fit_random_forest(table, schema, config, steps.append)

    matrix = TypedRows(schema.to_dict()["features"]).to_matrix(table)
    kind = RandomForestRegressor if target == "rate" else RandomForestClassifier
    at_once = kind(n_estimators=n_estimators, max_depth=4, random_state=5, n_jobs=1)
    at_once.fit(matrix, encode_target(table[target], schema))
    expected = at_once.predict(matrix).reshape(-1, 1) if target == "rate" else at_once.predict_proba(matrix)
    np.testing.assert_array_equal(model.predict(table), expected)
    for one, other in zip(model.estimator.estimators_, at_once.estimators_, strict=True):
        np.testing.assert_array_equal(one.tree_.threshold, other.tree_.threshold)
    assert sum(steps) == n_estimators
    assert all(step > 0 for step in steps)


def test_the_number_of_threads_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    table, config = _loans(), TrainConfig(target="outcome", n_estimators=12)
    schema = infer_schema(table, config)
    predictions = []
    for count in (1, 2, 5):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        predictions.append(fit_random_forest(table, schema, config, lambda _: None).predict(table))
    np.testing.assert_array_equal(predictions[0], predictions[1])
    np.testing.assert_array_equal(predictions[0], predictions[2])


def test_another_seed_is_another_forest() -> None:
    table = _loans()
    forests = [
        fit_random_forest(table, infer_schema(table, config), config, lambda _: None).predict(table)
        for config in (TrainConfig(target="outcome", n_estimators=5, seed=seed) for seed in (1, 2))
    ]
    assert not np.array_equal(*forests)


@pytest.mark.parametrize("positive", ["bad", "good"])
def test_the_right_class_is_probable_where_it_should_be(positive: str) -> None:
    table = _loans()
    config = TrainConfig(target="outcome", n_estimators=20, positive_class=positive)
    schema = infer_schema(table, config)
    model = fit_random_forest(table, schema, config, lambda _: None)
    asked = pd.DataFrame({"rate": [9.5, 0.5], "colour": ["red", "never seen"], "age": [40.0, np.nan]})
    probability = dict(zip(schema.output_names, model.predict(asked).T, strict=True))
    assert list(probability) == ["bad", "good"]
    assert probability["bad"][0] > 0.9
    assert probability["bad"][1] < 0.1
    np.testing.assert_allclose(probability["bad"] + probability["good"], 1, atol=1e-12)
    assert schema.positive_class == positive


def test_a_regression_comes_back_in_its_own_units() -> None:
    table = pd.DataFrame({"x": np.arange(100.0), "y": 1e6 + 500.5 * np.arange(100.0)})
    config = TrainConfig(target="y", n_estimators=20)
    model = fit_random_forest(table, infer_schema(table, config), config, lambda _: None)
    predicted = model.predict(table)
    assert predicted.shape == (100, 1)
    assert np.abs(predicted[:, 0] - table["y"]).max() < 5000


def _purposes(gaps: int) -> FittedModel:
    """A forest that tells "used car" from all else, with or without rows that have no purpose."""
    random = np.random.default_rng(1)
    purposes: list[str | None] = random.choice(["house", "new car", "tv", "used car"], 300).tolist()
    purposes[:gaps] = [None] * gaps
    table = pd.DataFrame({"purpose": purposes, "age": random.integers(18, 80, 300)})
    table["price"] = np.where(table["purpose"] == "used car", 100.0, 10.0)
    config = TrainConfig(target="price", task="regression", n_estimators=10)
    return fit_random_forest(table, infer_schema(table, config), config, lambda _: None)


@pytest.mark.parametrize("gaps", [0, 30])
def test_a_category_that_training_never_saw_is_not_scored_like_its_neighbour(gaps: int) -> None:
    """By its code "yacht" comes after "used car", and no split lies between the two."""
    model = _purposes(gaps)
    rows = pd.DataFrame({"purpose": ["used car", "yacht", "aeroplane", None], "age": 40})
    used_car, yacht, aeroplane, missing = model.predict(rows)[:, 0].tolist()
    assert used_car == pytest.approx(100)
    assert yacht == aeroplane == missing == pytest.approx(10)
