"""Fitted trees explained: against Shapley's formula, and what is refused instead of explained wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness.explainable_models import (
    SmallModel,
    brute_force_shap,
    explain,
    mlp,
    random_rows,
    small_model,
    table,
    tree_model,
)
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.registry import load_explainer

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

CONFIG = ExplainConfig()
N_FEATURES = 5
both = pytest.mark.parametrize("method", ["shap_tree", "shap_tree_path_dependent"])


def with_gaps(n_rows: int, seed: int) -> FloatArray:
    """Random rows, one value in eight missing."""
    values = random_rows(n_rows, N_FEATURES, seed)
    values[np.random.default_rng(seed + 1).random(values.shape) < 0.125] = np.nan
    return values


def fitted(estimator: Any, n_classes: int, features: FloatArray) -> SmallModel:
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
        (HistGradientBoostingRegressor(max_iter=8, min_samples_leaf=3), 0),
        (DecisionTreeRegressor(max_depth=1), 0),
        (RandomForestClassifier(3, max_depth=1, min_samples_split=1000, random_state=0), 2),
    ],
    ids=["binary", "three classes", "extra trees", "one tree", "regression", "boosting", "one split", "no split"],
)
def test_equals_shapleys_formula_with_missing_values(estimator: Any, n_classes: int) -> None:
    model = fitted(estimator, n_classes, with_gaps(150, 1))
    rows, background = table(with_gaps(4, 5), first_id=40), table(with_gaps(6, 7))
    explanation = explain("shap_tree", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-14)
    np.testing.assert_array_equal(
        explanation.base_values[0], model.forward(model.encode(model.to_matrix(background))).mean(axis=0)
    )
    assert explanation.row_ids == (40, 41, 42, 43)
    assert explanation.cost.model_evaluations == 0


def test_several_targets_at_once() -> None:
    features = random_rows(150, N_FEATURES, 1)
    forest = RandomForestRegressor(8, random_state=0).fit(features, features[:, :3] * features[:, 1:4])
    model = small_model(forest.predict, N_FEATURES, 3, trees=forest)
    rows, background = table(features[:4]), table(features[50:57])
    explanation = explain("shap_tree", model, rows, background, CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-14)


@both
def test_a_feature_of_several_columns_is_one_player(method: str) -> None:
    raw = random_rows(200, 3, 1)
    raw[:, 1] = np.random.default_rng(0).integers(0, 4, 200)
    raw[::9, 1] = np.nan
    model = tree_model(RandomForestRegressor(5, random_state=0), 3, one_hot={1: 4})
    model.trees.fit(model.encode(raw), raw[:, 0] * (raw[:, 1] == 2) + np.isnan(raw[:, 1]) + raw[:, 2])
    rows, background = table(raw[:5]), table(raw[100:106])
    explanation = explain(method, model, rows, background, CONFIG)
    assert explanation.values.shape == (5, 3, 1)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, atol=1e-13)
    if method == "shap_tree":
        np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, background), atol=1e-14)


@both
def test_thresholds_between_neighbouring_single_precision_numbers(method: str) -> None:
    # Large values that differ in their last bits: narrowing thresholds to single precision is off by 0.8 here.
    random = np.random.default_rng(0)
    bits = np.float32(12345.678).view(np.int32) + random.integers(0, 40, (300, 1), dtype=np.int32)
    features = np.hstack([bits.view(np.float32).astype(np.float64), random.normal(size=(300, 1)) + 1e5])
    target = (features[:, 0] > np.median(features[:, 0])) ^ (random.random(300) < 0.2)
    model = tree_model(RandomForestClassifier(20, random_state=0).fit(features, target), 2)
    rows = np.concatenate([features, np.nextafter(features, np.inf), features.astype(np.float32) + 0.0003])
    explanation = explain(method, model, table(rows), table(features[:40]), CONFIG)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, atol=1e-13)


@both
@pytest.mark.parametrize("shift", [1e6, 1e300])
def test_targets_that_are_large_beside_their_spread(method: str, shift: float) -> None:
    features = random_rows(200, 3, 1)
    target = shift * (1 + 1e-6 * features[:, 0] * features[:, 1])
    model = tree_model(RandomForestRegressor(20, random_state=0).fit(features, target), 3)
    explanation = explain(method, model, table(features[:20]), table(features[:30]), CONFIG)
    total = explanation.base_values + explanation.values.sum(axis=1)
    np.testing.assert_allclose(total, explanation.predictions, rtol=1e-14)
    assert np.abs(explanation.values).max() < 1e-5 * shift


def test_the_whole_background_counts() -> None:
    features = random_rows(300, N_FEATURES, 1)
    model = fitted(RandomForestClassifier(5, random_state=0), 2, features)
    rows = table(features[:3])
    explanation = explain("shap_tree", model, rows, table(features), CONFIG)
    np.testing.assert_allclose(explanation.values, brute_force_shap(model, rows, table(features)), atol=1e-14)


@both
def test_unused_features_and_columns_of_no_feature_get_zero(method: str) -> None:
    features = random_rows(100, 3, 1)
    target = features[:, 0] > features[:, 2]
    dropped = RandomForestClassifier(5, random_state=0).fit(features[:, [0, 2]], target)
    model = tree_model(dropped, 3, unused=(1,))
    explanation = explain(method, model, table(features[:4]), table(features[:9]), CONFIG)
    assert (explanation.values[:, 1] == 0).all()
    assert (explanation.values[:, [0, 2]] != 0).all()
    blank = features * [1, 0, 1]
    given = tree_model(RandomForestClassifier(5, random_state=0).fit(blank, target), 3)
    given.column_groups = ((0,), (), (2,))
    explanation = explain(method, given, table(blank[:4]), table(blank[:9]), CONFIG)
    assert (explanation.values[:, 1] == 0).all()
    assert (explanation.values[:, [0, 2]] != 0).all()
    if method == "shap_tree":
        expected = brute_force_shap(given, table(blank[:4]), table(blank[:9]))
        np.testing.assert_allclose(explanation.values, expected, atol=1e-14)


@both
def test_a_forest_of_one_class_is_explained_by_nothing(method: str) -> None:
    features = random_rows(80, 3, 1)
    model = tree_model(RandomForestClassifier(2).fit(features, np.zeros(80)), 3)
    explanation = explain(method, model, table(features[:9]), table(features[:4]), CONFIG)
    assert not explanation.values.any()
    np.testing.assert_array_equal(explanation.base_values, explanation.predictions)


@both
def test_trees_that_do_not_give_the_models_outputs_are_refused_with_the_difference(method: str) -> None:
    features = random_rows(80, 3, 1)
    forest = RandomForestClassifier(3, random_state=0).fit(features, features[:, 0] > 0)
    model = tree_model(forest, 3)
    sound = model.function
    model.function = lambda x: sound(x) + [0.25, -0.25] * (x[:, :1] > 1)
    with pytest.raises(ModelError, match=rf"^{method}: the trees .* differ from the model's by 0.25: it does more"):
        explain(method, model, table(features), table(features[:9]), CONFIG)
    model.function = lambda x: sound(x) * np.nan
    with pytest.raises(ModelError, match="differ from the model's by nan"):
        explain(method, model, table(features), table(features[:9]), CONFIG)


@both
def test_what_cannot_be_explained_is_refused_in_words(method: str) -> None:
    explainer, features = load_explainer(method), random_rows(80, 3, 1)
    forest = RandomForestClassifier(3, random_state=0).fit(features, features[:, 0] > 0)
    assert explainer.refusal(tree_model(forest, 3), CONFIG) is None
    two = RandomForestClassifier(2).fit(features, features[:, :2] > 0)
    cases = {
        "the model is no tree ensemble, or its outputs are not what its trees add up": small_model(mlp(3, 1, 0), 3),
        "LinearRegression is not a tree ensemble that can be read": small_model(
            mlp(3, 1, 0), 3, trees=LinearRegression()
        ),
        "the trees give 2 outputs, the model 3": small_model(mlp(3, 3, 0), 3, 3, trees=forest),
        "predicts 2 targets at once: train one classifier each": small_model(mlp(3, 1, 0), 3, trees=two),
        "RandomForestClassifier is not fitted": small_model(mlp(3, 1, 0), 3, trees=RandomForestClassifier()),
    }
    for reason, model in cases.items():
        assert reason in (explainer.refusal(model, CONFIG) or "accepted")
        with pytest.raises(ModelError, match=f"^{method}: .*{reason}"):
            explain(method, model, table(features[:2]), table(features[:2]), CONFIG)


@both
def test_columns_the_model_does_not_account_for_are_refused(method: str) -> None:
    features = random_rows(80, 3, 1)
    forest = RandomForestClassifier(3, random_state=0).fit(features, features[:, 0] > 0)
    orphaned = tree_model(forest, 3)
    orphaned.column_groups = ((), (1,), (2,))
    with pytest.raises(ModelError, match=f"^{method}: the trees ask for column 0, which belongs to no feature"):
        explain(method, orphaned, table(features), table(features[:9]), CONFIG)
    narrow = tree_model(forest, 3, unused=(2,))
    with pytest.raises(ModelError, match=f"^{method}: the trees ask for column 2 and .* input has 2 columns"):
        explain(method, narrow, table(features), table(features[:9]), CONFIG)


@both
def test_too_little_time_is_an_error(method: str) -> None:
    features = random_rows(600, N_FEATURES, 1)
    model = fitted(RandomForestClassifier(5, random_state=0), 2, features)
    with pytest.raises(ModelError, match=f"^{method}: max_seconds=1e-06 is not enough, .*explain fewer rows$"):
        explain(method, model, table(features), table(features), ExplainConfig(max_seconds=1e-6))
