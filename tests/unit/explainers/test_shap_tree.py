"""Forests: against Shapley's formula, and where shap on its own goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness.explainable_models import brute_force_shap, explain, mlp, random_rows, small_model, table, tree_model
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.explainers import shap_tree, tree_arrays
from interp_pipeline.explainers.registry import load_explainer

if TYPE_CHECKING:
    from harness.explainable_models import SmallModel

# shap sets a colour map up in an old way while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:The set_.* function:PendingDeprecationWarning")

CONFIG = ExplainConfig()
N_FEATURES = 5


def with_gaps(n_rows: int, seed: int) -> np.ndarray:
    """Random rows, one value in eight missing."""
    values = random_rows(n_rows, N_FEATURES, seed)
    values[np.random.default_rng(seed + 1).random(values.shape) < 0.125] = np.nan
    return values


def fitted(estimator: Any, n_classes: int, features: np.ndarray) -> SmallModel:
    score = np.nan_to_num(features[:, 0]) * np.nan_to_num(features[:, 1]) + np.isnan(features[:, 2])
    target = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes)) if n_classes else score
    return tree_model(estimator.fit(features, target), features.shape[1])


@pytest.mark.parametrize(
    ("estimator", "n_classes"),
    [
        (RandomForestClassifier(8, random_state=0), 2),
        (RandomForestClassifier(8, random_state=0), 3),
        (ExtraTreesClassifier(8, random_state=0), 2),
        (DecisionTreeClassifier(random_state=0), 3),
        (RandomForestRegressor(8, random_state=0), 0),
        (DecisionTreeRegressor(max_depth=1), 0),
        (RandomForestClassifier(3, max_depth=1, min_samples_split=1000, random_state=0), 2),
    ],
    ids=["binary", "three classes", "extra trees", "one tree", "regression", "one split", "no split"],
)
def test_equals_shapleys_formula_with_missing_values(estimator: Any, n_classes: int) -> None:
    model = fitted(estimator, n_classes, with_gaps(150, 1))
    rows, background = table(with_gaps(4, 5), first_id=40), table(with_gaps(6, 7))
    explanation = explain("shap_tree", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=2e-7)
    np.testing.assert_array_equal(
        explanation.base_values[0], model.forward(model.encode(model.to_matrix(background))).mean(axis=0)
    )
    assert explanation.row_ids == (40, 41, 42, 43)


def test_thresholds_between_neighbouring_single_precision_numbers() -> None:
    # Large values that differ in their last bits: shap given the forest itself is off by 0.8 here.
    random = np.random.default_rng(0)
    bits = np.float32(12345.678).view(np.int32) + random.integers(0, 40, (300, 1), dtype=np.int32)
    features = np.hstack([bits.view(np.float32).astype(np.float64), random.normal(size=(300, 1)) + 1e5])
    target = (features[:, 0] > np.median(features[:, 0])) ^ (random.random(300) < 0.2)
    model = tree_model(RandomForestClassifier(20, random_state=0).fit(features, target), 2)
    explanation = explain("shap_tree", model, table(features), table(features[:40]), CONFIG)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, atol=1e-7)


def test_targets_that_are_large_beside_their_spread() -> None:
    features = random_rows(200, 3, 1)
    target = 1e6 + features[:, 0] * features[:, 1]
    model = tree_model(RandomForestRegressor(20, random_state=0).fit(features, target), 3)
    explanation = explain("shap_tree", model, table(features[:20]), table(features[:30]), CONFIG)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, atol=1e-6, rtol=0)


def test_the_whole_background_counts() -> None:
    # shap silently keeps 100 rows of it unless told otherwise.
    features = random_rows(300, N_FEATURES, 1)
    model = fitted(RandomForestClassifier(5, random_state=0), 2, features)
    rows = table(features[:3])
    explanation = explain("shap_tree", model, rows, table(features), CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, table(features)), atol=1e-7)


def test_unused_features_and_columns_of_no_feature_get_zero() -> None:
    features = random_rows(100, 3, 1)
    target = features[:, 0] > features[:, 2]
    dropped = RandomForestClassifier(5, random_state=0).fit(features[:, [0, 2]], target)
    model = tree_model(dropped, 3, unused=(1,))
    explanation = explain("shap_tree", model, table(features[:4]), table(features[:9]), CONFIG)
    assert (explanation.values[:, 1] == 0).all()
    blank = features * [1, 0, 1]
    given = tree_model(RandomForestClassifier(5, random_state=0).fit(blank, target), 3)
    given.column_groups = ((0,), (), (2,))
    explanation = explain("shap_tree", given, table(blank[:4]), table(blank[:9]), CONFIG)
    assert (explanation.values[:, 1] == 0).all()
    np.testing.assert_allclose(
        explanation.values, brute_force_shap(given, table(blank[:4]), table(blank[:9])), atol=1e-7
    )


def test_the_same_bytes_again_and_for_any_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(RandomForestClassifier(8, random_state=0), 3, with_gaps(150, 1))
    rows, background = table(with_gaps(11, 5)), table(with_gaps(20, 7))
    first = explain("shap_tree", model, rows, background, CONFIG)
    second = explain("shap_tree", model, rows, background, CONFIG)
    monkeypatch.setattr(shap_tree, "_CHUNK_ROWS", 3)
    third = explain("shap_tree", model, rows, background, CONFIG)
    assert first.values.tobytes() == second.values.tobytes() == third.values.tobytes()


def test_what_cannot_be_explained_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    explainer, features = load_explainer("shap_tree"), random_rows(80, 3, 1)
    forest = RandomForestClassifier(3, random_state=0).fit(features, features[:, 0] > 0)
    assert explainer.refusal(tree_model(forest, 3), CONFIG) is None
    cases = {
        "not a scikit-learn tree": small_model(mlp(3, 1, 0), 3),
        "GradientBoostingRegressor is not": tree_model(
            GradientBoostingRegressor(n_estimators=2).fit(features, features[:, 0]), 3
        ),
        "'f1' is spread over several columns": tree_model(forest, 3, one_hot={1: 2}),
        "the trees give 2 outputs, the model 3": small_model(mlp(3, 3, 0), 3, 3, trees=forest),
        "2 targets at once": small_model(
            mlp(3, 1, 0), 3, trees=RandomForestRegressor(2).fit(features, features[:, :2])
        ),
        "one class only": small_model(mlp(3, 1, 0), 3, trees=RandomForestClassifier(2).fit(features, np.zeros(80))),
    }
    for reason, model in cases.items():
        assert reason in (explainer.refusal(model, CONFIG) or "accepted")
    monkeypatch.setattr(tree_arrays, "MAX_NODES", 4)
    assert "nodes and shap's kernel counts them up to 4" in (explainer.refusal(tree_model(forest, 3), CONFIG) or "")
    with pytest.raises(ModelError, match="shap_tree: a tree has"):
        explain("shap_tree", tree_model(forest, 3), table(features[:2]), table(features[:2]), CONFIG)


def test_features_on_a_path_are_counted_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_arrays, "MAX_PATH_FEATURES", 1)
    features = random_rows(400, 6, 1)
    # A split on f0 leads to a part where only f1 and to one where only f2 matters: two features a path, three in all.
    target = np.where(features[:, 0] > 0, features[:, 1].round(1), 100 + features[:, 2].round(1))
    tree = DecisionTreeRegressor(random_state=0, max_depth=4).fit(features, target).tree_
    walked = _paths(tree, 0, frozenset())
    assert max(len(path) for path in walked) < len(set(tree.feature[tree.feature >= 0].tolist()))
    assert f"asks for {max(len(path) for path in walked)} features" in (tree_arrays.kernel_limit([tree]) or "")


def _paths(tree: Any, node: int, seen: frozenset[int]) -> list[frozenset[int]]:
    if tree.feature[node] < 0:
        return [seen]
    seen |= {int(tree.feature[node])}
    return [p for side in (tree.children_left, tree.children_right) for p in _paths(tree, side[node], seen)]


def test_kernel_is_right_up_to_the_stated_number_of_features() -> None:
    # A chain that asks for 30 features, one after the other; only the last leaf is worth anything.
    n_features = tree_arrays.MAX_PATH_FEATURES
    features = np.vstack([np.tril(np.ones((n_features, n_features)), -1), np.ones((1, n_features))])
    features = np.repeat(features, 4, axis=0)
    target = features.sum(axis=1) ** 2
    estimator = DecisionTreeRegressor(random_state=0).fit(features, target)
    model = tree_model(estimator, n_features)
    assert load_explainer("shap_tree").refusal(model, CONFIG) is None
    explanation = explain("shap_tree", model, table(features[-1:]), table(features[:1] * 0), CONFIG)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, rtol=1e-6)


def test_too_little_time_is_an_error() -> None:
    features = random_rows(100, N_FEATURES, 1)
    model = fitted(RandomForestClassifier(5, random_state=0), 2, features)
    with pytest.raises(ModelError, match="shap_tree: max_seconds=1e-06 is not enough"):
        explain("shap_tree", model, table(features), table(features), ExplainConfig(max_seconds=1e-6))
