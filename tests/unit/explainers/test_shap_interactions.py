"""Interactions of whole models: raw features as players, chunks, what is planned and refused."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness.explainable_models import explain, mlp, random_rows, small_model, table, tree_model
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.explainers import shap_interactions
from interp_pipeline.explainers.shap_interactions import compute_interactions, plan_interactions

if TYPE_CHECKING:
    from harness.explainable_models import SmallModel

    from interp_pipeline.explanation import Explanation
    from interp_pipeline.interactions import Interactions

CONFIG = ExplainConfig()
N_ROWS, N_FEATURES = 30, 5
ROWS, BACKGROUND = table(random_rows(N_ROWS, N_FEATURES, 5), first_id=40), table(random_rows(40, N_FEATURES, 7))


def fitted(n_classes: int = 0, **options: Any) -> SmallModel:
    """Features 1 and 3 act together, feature 0 alone, the others not at all."""
    features = random_rows(800, N_FEATURES, 1)
    score = 3 * (features[:, 1] > 0) * (features[:, 3] > 0) + features[:, 0]
    if n_classes:
        target = np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))
        return tree_model(RandomForestClassifier(20, max_depth=6, random_state=0).fit(features, target), N_FEATURES)
    return tree_model(
        RandomForestRegressor(20, max_depth=6, random_state=0).fit(features, score), N_FEATURES, **options
    )


def explained(model: SmallModel) -> Explanation:
    return explain("shap_tree", model, ROWS, BACKGROUND, CONFIG)


def divided(model: SmallModel, explanation: Explanation, rows: tuple[int, ...] = tuple(range(N_ROWS))) -> Interactions:
    finished: list[int] = []
    found = compute_interactions(model, explanation, BACKGROUND, rows, finished.append)
    assert sum(finished) == len(rows)
    return found


def test_finds_the_pair_that_was_planted() -> None:
    found = divided(model := fitted(), explained(model))
    assert found.pairs[0] == (1, 3)
    second = found.strength[found.pairs[1]]
    assert found.strength[1, 3] > 5 * second
    assert found.strength[0, 0] > found.strength[0, [1, 2, 3, 4]].max() * 5  # acts alone
    joint = 3 * ((ROWS > 0).to_numpy()[:, None] ^ (BACKGROUND > 0).to_numpy()[None])
    signs = np.where(ROWS > 0, 1, -1)
    truth = (joint[:, :, 1] * joint[:, :, 3] / 3).mean(axis=1) * signs[:, 1] * signs[:, 3]
    np.testing.assert_allclose(found.values[:, 0, 0], truth, atol=0.35)
    assert np.corrcoef(found.values[:, 0, 0], truth)[0, 1] > 0.99


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_main_effects_and_halves_add_up_to_the_shap_values(n_classes: int) -> None:
    explanation = explained(model := fitted(n_classes))
    found = divided(model, explanation)
    main = np.einsum("iik->ik", found.mean)
    halves = (found.mean.sum(axis=1) - main) / 2
    np.testing.assert_allclose(main + halves, explanation.values.mean(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.mean_abs, found.mean_abs.transpose(1, 0, 2))
    first, second = np.array(found.pairs).T
    np.testing.assert_allclose(np.abs(found.values).mean(axis=0), found.mean_abs[first, second], atol=1e-15)
    np.testing.assert_allclose(found.values.mean(axis=0), found.mean[first, second], atol=1e-15)
    sizes = [found.strength[pair] for pair in found.ranking]
    assert sizes == sorted(sizes, reverse=True)
    if n_classes == 2:
        np.testing.assert_allclose(found.strength, found.mean_abs[:, :, 1])


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    explanation = explained(model := fitted(3))
    whole = divided(model, explanation)
    monkeypatch.setattr(shap_interactions, "_CHUNK_BYTES", 7 * 8 * N_FEATURES**2 * 3)
    parts = divided(model, explanation)
    assert parts.pairs == whole.pairs
    assert parts.values.tobytes() == whole.values.tobytes()
    np.testing.assert_allclose(parts.mean_abs, whole.mean_abs, rtol=1e-13, atol=1e-16)


def test_some_rows_only() -> None:
    explanation = explained(model := fitted(2))
    some, whole = divided(model, explanation, (2, 5, 29)), divided(model, explanation)
    shared = [whole.pairs.index(pair) for pair in some.pairs]
    np.testing.assert_array_equal(some.values, whole.values[[2, 5, 29]][:, shared])


def test_one_hot_columns_are_one_player_and_unused_features_have_no_part() -> None:
    random = np.random.default_rng(0)
    raw = np.column_stack([random.integers(0, 3, 400), random.normal(size=(400, 3))]).astype(float)
    shape = tree_model(None, 4, one_hot={0: 3}, unused=(2,))
    encoded = shape.encode(raw)
    target = 5 * (raw[:, 0] == 1) * (raw[:, 1] > 0) + raw[:, 3]
    estimator = RandomForestRegressor(10, max_depth=5, random_state=0).fit(encoded, target)
    model = tree_model(estimator, 4, one_hot={0: 3}, unused=(2,))
    explanation = explain("shap_tree", model, table(raw[:20]), table(raw[20:50]), CONFIG)
    found = compute_interactions(model, explanation, table(raw[20:50]), range(20), lambda _n: None)
    assert found.pairs[0] == (0, 1)
    assert not found.mean_abs[2].any()
    assert all(2 not in pair for pair in found.ranking)


def test_other_values_than_those_of_shap_tree_are_not_divided() -> None:
    model = fitted()
    other = explain("shap_tree_path_dependent", model, ROWS, BACKGROUND, CONFIG)
    with pytest.raises(ModelError, match="not of shap_tree_path_dependent"):
        compute_interactions(model, other, BACKGROUND, [0], lambda _n: None)


def test_the_plan_is_all_rows_where_they_are_cheap_and_some_where_not(monkeypatch: pytest.MonkeyPatch) -> None:
    explanation = explained(model := fitted())
    plan = plan_interactions(model, explanation, len(BACKGROUND), CONFIG)
    assert plan.rows == tuple(range(N_ROWS))
    assert "all explained rows" in plan.why
    n_nodes = sum(tree.tree_.node_count for tree in model.trees.estimators_)
    monkeypatch.setattr(shap_interactions, "_MOST_VISITS", 22 * n_nodes)
    plan = plan_interactions(model, explanation, len(BACKGROUND), CONFIG)
    assert len(set(plan.rows)) == 22
    assert (plan.rows[0], plan.rows[-1]) == (0, N_ROWS - 1)
    assert f"22 of {N_ROWS} explained rows" in plan.why
    assert f"{n_nodes:,} nodes" in plan.why
    twice = plan_interactions(model, explanation, 129, CONFIG)  # one more background row than a walk takes
    assert twice.rows == ()
    assert "too long" in twice.why


def test_what_is_not_planned_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    explanation = explained(model := fitted())

    def why(explanation: Explanation, config: ExplainConfig = CONFIG, model: Any = model) -> str:
        plan = plan_interactions(model, explanation, 10, config)
        assert plan.rows == ()
        return plan.why

    assert "the setting interactions is off" in why(explanation, dataclasses.replace(CONFIG, interactions=False))
    assert "by shap_exact" in why(dataclasses.replace(explanation, method="shap_exact"))
    slow = dataclasses.replace(explanation, cost=dataclasses.replace(explanation.cost, seconds=2.0))
    assert "max_seconds=5 does not leave" in why(slow, dataclasses.replace(CONFIG, max_seconds=5))
    assert "no tree ensemble" in why(explanation, model=small_model(mlp(N_FEATURES, 1, 0), N_FEATURES))
    monkeypatch.setattr(shap_interactions, "_MOST_FEATURES", 4)
    assert "the model has 5 features" in why(explanation)
