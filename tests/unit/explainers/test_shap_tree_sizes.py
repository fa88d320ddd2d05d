"""Trees as deep, paths as long and rows as wide as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.any_forest import Case, ForestBuilder, chain
from harness.explainable_models import explain, random_rows, table, tree_model
from harness.tree_shapley import by_subsets, path_dependent_by_leaves, path_dependent_worth
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from interp_pipeline.config import ExplainConfig
from interp_pipeline.explainers.trees.interventional_values import interventional_values
from interp_pipeline.explainers.trees.path_dependent_values import expected_outputs, path_dependent_values

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation

CONFIG = ExplainConfig()
both = pytest.mark.parametrize("method", ["shap_tree", "shap_tree_path_dependent"])


def assert_adds_up(explanation: Explanation) -> None:
    size = max(np.abs(explanation.predictions).max(), np.abs(explanation.base_values).max())
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, rtol=0, atol=1e-13 * size)


def own_players(n_columns: int) -> np.ndarray:
    return np.arange(n_columns, dtype=np.int32)


@pytest.mark.parametrize("n_columns", [40, 70])
def test_paths_with_many_distinct_features_are_exact(n_columns: int) -> None:
    random = np.random.default_rng(n_columns)
    case = Case(
        forest=chain(random.uniform(0.7, 0.999, n_columns), random.normal(size=n_columns + 1)),
        rows=np.vstack([random.normal(-2, 1, (2, n_columns)), -np.ones(n_columns)]),
        background=np.zeros((0, n_columns)),
        players=own_players(n_columns),
        n_players=n_columns,
    )
    values = path_dependent_values(case.forest, case.rows, case.players, n_columns, lambda _: None)
    np.testing.assert_allclose(values, path_dependent_by_leaves(case), rtol=0, atol=1e-14)


@pytest.mark.parametrize("n_columns", [40, 70, 1000])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_all_of_many_conditions_in_closed_form(n_columns: int, share: float) -> None:
    # 1 where all columns are at most 0. Each is as good as any other, so they divide the difference in equal parts.
    forest = chain(np.full(n_columns, share), np.append(np.zeros(n_columns), 1.0))
    rows, players = np.vstack([-np.ones((1, n_columns)), np.ones((1, n_columns))]), own_players(n_columns)
    values = path_dependent_values(forest, rows, players, n_columns, lambda _: None)[..., 0]
    reached = share**n_columns
    np.testing.assert_allclose(values[0], (1 - reached) / n_columns, rtol=1e-14 * n_columns)
    np.testing.assert_allclose(values[1], -reached / n_columns, rtol=1e-14 * n_columns, atol=1e-18)
    against = interventional_values(forest, rows[:1], rows, players, n_columns, lambda _: None)[..., 0]
    np.testing.assert_allclose(against[0], 1 / (2 * n_columns), rtol=1e-14)


def test_a_chain_of_a_thousand_splits_on_few_players() -> None:
    random, builder = np.random.default_rng(0), ForestBuilder()
    at = builder.tree(1e6)
    for depth in range(1000):
        on, out = builder.split(
            at,
            depth % 5,
            float(1000 - depth),
            share=0.995,
            values=((0.0,), (random.normal(),)),
            missing_left=depth < 600,
        )
        at = out if depth in {300, 700} else on
    forest, players = builder.forest(), own_players(5)
    rows = random.uniform(-100, 1100, (19, 5))
    rows[::3, 2] = np.nan
    few = Case(forest=forest, rows=rows[:2], background=rows, players=players, n_players=5)
    values = path_dependent_values(forest, rows, players, 5, lambda _: None)
    expected = by_subsets(few, path_dependent_worth(few))
    np.testing.assert_allclose(values[:2], expected, rtol=0, atol=1e-13)
    whole = np.zeros(5, dtype=np.int32)  # one player alone is due all there is
    for method in (
        lambda own, n: path_dependent_values(forest, rows, own, n, lambda _: None),
        lambda own, n: interventional_values(forest, rows, rows, own, n, lambda _: None),
    ):
        np.testing.assert_allclose(method(players, 5).sum(axis=1), method(whole, 1)[:, 0], rtol=0, atol=1e-12)


@both
@pytest.mark.parametrize("n_features", [40, 70])
def test_scikit_learns_chains_of_distinct_features(method: str, n_features: int) -> None:
    features = np.vstack([np.tril(np.ones((n_features, n_features)), -1), np.ones((1, n_features))])
    features = np.repeat(features, 4, axis=0)
    estimator = DecisionTreeRegressor(random_state=0).fit(features, 4.0 ** features.sum(axis=1))
    assert estimator.get_depth() == n_features
    model = tree_model(estimator, n_features)
    explanation = explain(method, model, table(features[::-3]), table(features[:9] * 0), CONFIG)
    assert_adds_up(explanation)


@both
def test_scikit_learns_deepest_tree(method: str) -> None:
    # Every target is large beside the sum of all before it, so that each split takes off the last.
    features = np.arange(320.0).reshape(-1, 1) @ np.ones((1, 3)) + [0, 0.25, 0.5]
    model = tree_model(DecisionTreeRegressor(random_state=0).fit(features, 3.0 ** np.arange(320)), 3)
    assert model.trees.get_depth() > 300
    explanation = explain(method, model, table(features[::20]), table(features[7::30]), CONFIG)
    assert_adds_up(explanation)


@both
def test_ten_thousand_features(method: str) -> None:
    features = random_rows(60, 10_000, 1)
    forest = RandomForestRegressor(4, max_features=200, random_state=0).fit(
        features, features[:, 0] * features[:, 9999]
    )
    model = tree_model(forest, 10_000)
    explanation = explain(method, model, table(features[:20]), table(features[20:50]), CONFIG)
    asked = np.unique(np.concatenate([tree.tree_.feature[tree.tree_.feature >= 0] for tree in forest.estimators_]))
    assert 50 < len(asked) < 500
    unasked = np.setdiff1d(np.arange(10_000), asked)
    assert not explanation.values[:, unasked].any()
    assert_adds_up(explanation)


def test_base_values_of_unlikely_leaves() -> None:
    builder = ForestBuilder()
    at = builder.tree(7.0)
    for column in range(60):
        at, _ = builder.split(at, column, share=1e-6, values=((1e200,), (3.0,)))
    # 1e200 at the end has a share of 1e-360: nothing, and no number that is none
    np.testing.assert_allclose(expected_outputs(builder.forest()), 3.0, rtol=1e-14)
