"""What every registered explainer promises, on every kind of model it accepts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness.explainable_models import SmallModel, explain, mlp, random_rows, small_model, table, tree_model
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.ensemble._iforest import _average_path_length

from interp_pipeline.config import ExplainConfig
from interp_pipeline.explainable import LinearTerms
from interp_pipeline.explainers.registry import OURS, load_explainer

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation, FloatArray

# shap sets a colour map up in an old way while it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:The set_.* function:PendingDeprecationWarning")

CONFIG = ExplainConfig(sampling_rounds=3, lime_samples=300, seed=11)
CATEGORIES = {"f2": ("red", "green", "blue")}


def values(n_rows: int, seed: int) -> FloatArray:
    """Two numbers with gaps, one category, one constant, one column that no model reads."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n_rows, 5))
    rows[random.random(rows.shape) < 0.1] = np.nan
    rows[:, 2] = random.integers(0, 3, n_rows)
    rows[::7, 2] = np.nan
    rows[:, 3] = 4.0
    return rows


def forest_classifier() -> SmallModel:
    train = values(200, 1)
    target = np.digitize(np.nan_to_num(train[:, 0]) + np.isnan(train[:, 2]), [0.0, 1.0])
    forest = RandomForestClassifier(10, random_state=0).fit(train[:, :4], target)
    return tree_model(forest, 5, unused=(4,), categories=CATEGORIES)


def forest_regressor() -> SmallModel:
    train = values(200, 1)
    forest = RandomForestRegressor(10, random_state=0).fit(train[:, :4], 1000 + np.nan_to_num(train[:, 0]) ** 2)
    return tree_model(forest, 5, unused=(4,), categories=CATEGORIES)


def forest_of_catboost() -> SmallModel:
    from catboost import CatBoostRegressor

    train = values(200, 1)
    options = {"iterations": 10, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    forest = CatBoostRegressor(**options).fit(train[:, :4], np.nan_to_num(train[:, 0]) ** 2 + np.isnan(train[:, 1]))
    return small_model(lambda x: forest.predict(x).reshape(-1, 1), 5, unused=(4,), categories=CATEGORIES, trees=forest)


def forest_of_isolation() -> SmallModel:
    forest = IsolationForest(n_estimators=10, random_state=0).fit(np.nan_to_num(values(200, 1)[:, :4]))

    def paths(encoded: FloatArray) -> FloatArray:
        depths = [tree.decision_path(np.nan_to_num(encoded)).sum(axis=1) - 1.0 for tree in forest.estimators_]
        rows = [tree.tree_.n_node_samples[tree.apply(np.nan_to_num(encoded))] for tree in forest.estimators_]
        lengths = [np.ravel(d) + _average_path_length(n) for d, n in zip(depths, rows, strict=True)]
        return np.mean(lengths, axis=0).reshape(-1, 1)

    return GapsAsZero(
        function=paths,
        feature_names=tuple(f"f{i}" for i in range(5)),
        output_names=("mean path length",),
        unused=(4,),
        categories=CATEGORIES,
        trees=forest,
    )


class GapsAsZero(SmallModel):
    """Missing numbers are filled before the trees, as an imputer does."""

    def encode(self, matrix: FloatArray) -> FloatArray:
        return np.nan_to_num(super().encode(matrix))


def one_hot_network() -> SmallModel:
    network = mlp(7, 2, seed=3)
    return small_model(
        lambda x: network(np.nan_to_num(x, nan=-1.0)), 5, 2, unused=(4,), one_hot={2: 3}, categories=CATEGORIES
    )


def linear() -> SmallModel:
    weights = np.array([[1.0], [-2.0], [0.5], [3.0]])
    return small_model(lambda x: np.nan_to_num(x) @ weights, 5, unused=(4,), categories=CATEGORIES)


def encoded_linear() -> SmallModel:
    terms = LinearTerms(coefficients=random_rows(7, 2, 4), intercept=np.array([0.5, -1.0]))
    return GapsFilled(
        function=lambda x: x @ terms.coefficients + terms.intercept,
        feature_names=tuple(f"f{i}" for i in range(5)),
        output_names=("first", "second"),
        unused=(4,),
        one_hot={2: 3},
        categories=CATEGORIES,
        linear=terms,
    )


class GapsFilled(SmallModel):
    """Missing numbers are filled before the linear part, as an imputer does."""

    def encode(self, matrix: FloatArray) -> FloatArray:
        return np.nan_to_num(super().encode(matrix), nan=0.7)


def keras_network() -> SmallModel:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(5)
    network = keras.Sequential(
        [keras.layers.Input((7,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")]
    )
    compiled = tf.function(lambda x: network(x, training=False), input_signature=[tf.TensorSpec((None, 7), tf.float32)])

    def forward(encoded: FloatArray) -> FloatArray:
        positive = compiled(tf.constant(np.nan_to_num(encoded), tf.float32)).numpy().astype(np.float64)
        return np.hstack([1 - positive, positive])

    return small_model(forward, 5, 2, unused=(4,), one_hot={2: 3}, categories=CATEGORIES)


MODELS = {
    "forest, three classes": forest_classifier,
    "forest, regression": forest_regressor,
    "forest of CatBoost": forest_of_catboost,
    "forest of isolation": forest_of_isolation,
    "one-hot network": one_hot_network,
    "linear": linear,
    "linear in an encoded input": encoded_linear,
    "keras network": keras_network,
}


# Kinds of model a method is for, by how their names begin; the others are for all.
NEEDS = {"shap_tree": "forest", "shap_tree_path_dependent": "forest", "shap_linear": "linear in"}
OTHER_BASE = {"lime", "shap_tree_path_dependent"}  # whose base value is not the mean over the background
CASES = [(kind, name) for kind in MODELS for name in OURS if kind.startswith(NEEDS.get(name, ""))]
every_case = pytest.mark.parametrize(("kind", "name"), CASES)


@pytest.fixture(scope="module")
def models() -> dict[str, SmallModel]:
    return {kind: make() for kind, make in MODELS.items()}


def run(name: str, model: SmallModel, rows: FloatArray, config: ExplainConfig = CONFIG) -> Explanation:
    return explain(name, model, table(rows, first_id=100), table(values(25, 2)), config)


@pytest.mark.parametrize("kind", list(MODELS))
@pytest.mark.parametrize("name", list(OURS))
def test_refuses_exactly_what_it_cannot_explain_in_words(kind: str, name: str, models: dict[str, SmallModel]) -> None:
    reason = load_explainer(name).refusal(models[kind], CONFIG)
    assert (reason is None) == ((kind, name) in CASES)
    if reason is not None:
        assert len(reason.split()) > 4


@every_case
def test_names_shapes_and_numbers(kind: str, name: str, models: dict[str, SmallModel]) -> None:
    model = models[kind]
    explanation = run(name, model, values(4, 3))
    assert explanation.method == name
    assert explanation.seed == CONFIG.seed
    assert explanation.feature_names == model.feature_names
    assert explanation.row_ids == (100, 101, 102, 103)
    assert explanation.output_names == model.output_names
    assert explanation.values.shape == (4, 5, len(model.output_names))
    assert (explanation.std_errors is not None) == (name == "shap_permutation")
    assert (explanation.local_r2 is not None) == (name == "lime")
    assert explanation.cost.seconds > 0
    assert np.isfinite(explanation.values).all()


@every_case
def test_predictions_and_base_values_are_the_models(kind: str, name: str, models: dict[str, SmallModel]) -> None:
    model = models[kind]
    explanation = run(name, model, values(4, 3))
    expected = model.forward(model.encode(model.to_matrix(explanation.data)))
    np.testing.assert_allclose(explanation.predictions, expected, atol=1e-6)
    if name not in OTHER_BASE:
        background = model.forward(model.encode(values(25, 2)))
        np.testing.assert_allclose(explanation.base_values, np.tile(background.mean(axis=0), (4, 1)), atol=1e-6)
    if name != "lime":
        total = explanation.base_values + explanation.values.sum(axis=1)
        np.testing.assert_allclose(total, explanation.predictions, atol=1e-6)


@every_case
def test_unused_and_constant_features_get_nothing(kind: str, name: str, models: dict[str, SmallModel]) -> None:
    model = models[kind]
    explanation = run(name, model, values(4, 3))
    assert (explanation.values[:, 4] == 0).all()
    np.testing.assert_allclose(explanation.values[:, 3], 0, atol=1e-9)


@every_case
def test_the_same_bytes_every_time(kind: str, name: str, models: dict[str, SmallModel]) -> None:
    model = models[kind]
    first, second = run(name, model, values(4, 3)), run(name, model, values(4, 3))
    assert first.to_frame().to_numpy(dtype=object).tolist() == second.to_frame().to_numpy(dtype=object).tolist()
    assert first.values.tobytes() == second.values.tobytes()


@every_case
def test_a_row_does_not_depend_on_the_rows_beside_it(kind: str, name: str, models: dict[str, SmallModel]) -> None:
    model = models[kind]
    together, alone = run(name, model, values(4, 3)), run(name, model, values(4, 3)[2:3])
    # Rows share calls of the model, and a matrix product's last bits may depend on what else is in the batch.
    tolerance = 1e-7 if kind == "keras network" else 1e-14 * np.abs(together.values).max()
    np.testing.assert_allclose(alone.values[0], together.values[2], rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", list(MODELS))
def test_shap_methods_agree_with_each_other(kind: str, models: dict[str, SmallModel]) -> None:
    rows, model = values(4, 3), models[kind]
    exact = run("shap_exact", model, rows)
    sampled = run("shap_permutation", model, rows, ExplainConfig(sampling_rounds=40, seed=1))
    assert sampled.std_errors is not None
    assert (np.abs(sampled.values - exact.values) <= 5 * sampled.std_errors + 1e-6).all()
    for name in NEEDS:
        if (kind, name) in CASES and name not in OTHER_BASE:
            np.testing.assert_allclose(run(name, model, rows).values, exact.values, atol=1e-7)
