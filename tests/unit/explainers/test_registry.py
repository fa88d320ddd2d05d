"""Which explainer explains which model, and what is said about it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from harness.explainable_models import mlp, random_rows, small_model, tree_model
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.explainable import LinearTerms
from interp_pipeline.explainers.registry import OURS, choose_explainers, load_explainer

FEATURES = random_rows(60, 3, 1)
FOREST = tree_model(RandomForestClassifier(3, random_state=0).fit(FEATURES, FEATURES[:, 0] > 0), 3)
LINEAR = small_model(lambda x: x @ np.ones((12, 1)), 12)
LINEAR.linear = LinearTerms(coefficients=np.ones((12, 1)), intercept=np.zeros(1))
FEW, MANY = small_model(mlp(12, 1, 0), 12), small_model(mlp(13, 1, 0), 13)


def chosen(model: object, *methods: str) -> list[str]:
    return [choice.name for choice in choose_explainers(model, ExplainConfig(methods=methods))]  # type: ignore[arg-type]


def test_every_name_loads_an_explainer_of_that_name() -> None:
    assert [load_explainer(name).method for name in OURS] == list(OURS.values())


def test_auto_takes_the_best_shap_and_lime() -> None:
    assert chosen(FOREST, "auto") == ["shap_tree", "lime"]
    assert chosen(LINEAR, "auto") == ["shap_linear", "lime"]
    assert chosen(FEW, "auto") == ["shap_exact", "lime"]
    assert chosen(MANY, "auto") == ["shap_permutation", "lime"]


def test_names_are_taken_in_order_and_once() -> None:
    assert chosen(MANY, "shap") == ["shap_permutation"]
    assert chosen(FEW, "lime", "auto", "shap_exact") == ["lime", "shap_exact"]
    assert chosen(FOREST, "shap_permutation") == ["shap_permutation"]


def test_the_reason_is_a_sentence_with_numbers() -> None:
    tree = choose_explainers(FOREST, ExplainConfig())
    assert tree[0].why == "The model is a tree or a forest, whose SHAP values can be read from the trees exactly."
    many = choose_explainers(MANY, ExplainConfig())[0]
    assert "13 features" in many.why
    assert "4 rounds" in many.why
    assert "max_exact_features=12" in many.why


def test_trees_that_cannot_be_read_are_explained_otherwise_and_it_says_why() -> None:
    odd = small_model(mlp(3, 1, 0), 3, trees=LinearRegression())
    choice = choose_explainers(odd, ExplainConfig(methods=("shap",)))[0]
    assert choice.name == "shap_exact"
    assert "Not shap_tree: LinearRegression is not a tree ensemble that can be read." in choice.why


def test_path_dependent_values_are_given_by_name_only() -> None:
    assert chosen(FOREST, "shap_tree_path_dependent") == ["shap_tree_path_dependent"]
    with pytest.raises(UsageError, match=r"shap_tree_path_dependent cannot explain this model: .*; use shap_exact"):
        chosen(FEW, "shap_tree_path_dependent")


def test_a_named_method_is_refused_not_replaced() -> None:
    with pytest.raises(UsageError, match=r"shap_tree cannot explain this model: .*; use shap_exact"):
        chosen(FEW, "shap_tree")
    with pytest.raises(
        UsageError, match=r"shap_exact cannot explain this model: .*13 features.*; use shap_permutation"
    ):
        chosen(MANY, "shap_exact")
    with pytest.raises(UsageError, match=r"lime cannot explain this model: lime_samples=2"):
        choose_explainers(FEW, ExplainConfig(lime_samples=2))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no explainer 'shapley'; choose among auto, shap, shap_tree, .*, lime"):
        chosen(FEW, "shapley")


def test_choosing_imports_no_heavy_library() -> None:
    code = (
        "import sys; from interp_pipeline.explainers.registry import OURS, load_explainer;"
        "[load_explainer(name) for name in OURS];"
        "print(sorted({'shap', 'lime', 'sklearn', 'tensorflow', 'mlflow', 'matplotlib', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.strip() == "[]"
