"""The functions of docs/reference/contract.md: each has the signature written there, and each plot is called by it."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import interp_pipeline
from interp_pipeline import plots
from interp_pipeline.comparison import compute_comparison
from interp_pipeline.config import CompareConfig
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from interp_pipeline.comparison import Comparison

_CONTRACT = Path(__file__).parents[3] / "docs" / "reference" / "contract.md"
_SECTION = _CONTRACT.read_text(encoding="utf-8").partition("## Python\n")[2]
_CALLS = dict(re.findall(r"`(?:interp_pipeline\.)?(\w+)(\([^`]*?\))(?: -> \w+)?`", _SECTION))
_FUNCTIONS = ("compare", "explain", "find_interactions", "load", "relabel")
_PNG = b"\x89PNG"


def _signature(function: Any) -> str:
    """As it is written down: names and defaults, no types."""
    signature = inspect.signature(function)
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    text = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return text.replace("'", '"')


def test_the_contract_names_every_public_function() -> None:
    assert set(plots.__all__) | set(_FUNCTIONS) <= set(_CALLS)


@pytest.mark.parametrize("name", [*_FUNCTIONS, *plots.__all__])
def test_signatures_are_those_of_the_contract(name: str) -> None:
    function = getattr(interp_pipeline if name in _FUNCTIONS else plots, name)
    assert _CALLS[name] == _signature(function)


@pytest.fixture
def things(make_explanation: Any, make_interactions: Any) -> dict[str, Any]:
    """What a caller has at hand, by the name of the argument it is given as."""
    explanation = make_explanation(5, 2)
    return {
        "explanation": explanation,
        "feature": explanation.feature_names[0],
        "row": explanation.row_ids[0],
        "values": make_interactions(explanation),
        "comparison": compared(make_explanation, 2),
        "counts": [[3, 1], [0, 4]],
        "class_names": ["no", "yes"],
        "actual": [1.0, 2.0, 3.0],
        "predicted": [1.5, 2.0, 2.5],
        "target": "amount",
        "history": {"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]},
        "figure": plots.importance(explanation),
    }


def compared(make_explanation: Any, n_versions: int) -> Comparison:
    first = make_explanation(5, 2)
    explanations = [first]
    for seed in range(1, n_versions):
        values = first.values * np.random.default_rng(seed).gamma(4, 0.25, size=(1, 5, 1))
        predictions = first.base_values + values.sum(axis=1)
        explanations.append(dataclasses.replace(first, values=values, predictions=predictions))
    labels = [f"credit v{i + 1}" for i in range(n_versions)]
    return compute_comparison(explanations, labels, CompareConfig(bootstrap_samples=100))


@pytest.mark.parametrize("name", plots.__all__)
def test_every_plot_is_drawn_from_what_it_is_said_to_take(
    name: str, things: dict[str, Any], make_explanation: Any
) -> None:
    given = [argument.strip() for argument in _CALLS[name].strip("()").partition("*")[0].split(",") if argument.strip()]
    if name == "lime":
        things["explanation"] = make_explanation(5, 2, lime=True)
    drawn = getattr(plots, name)(*(things[argument] for argument in given))
    assert drawn.startswith(_PNG) if name == "to_png" else isinstance(drawn, Figure)


def test_a_comparison_of_several_is_drawn_against_the_last_or_the_one_that_is_named(
    make_explanation: Any, words: Any
) -> None:
    three = compared(make_explanation, 3)
    assert words(plots.shift(three)) == words(plots.shift(three, against="credit v3"))
    assert words(plots.shift(three)) != words(plots.shift(three, against="credit v2"))
    assert words(plots.disagreement(three)) != words(plots.disagreement(three, against="credit v2"))
    assert all(f"credit v{i}" in words(plots.rank_flow(three)) for i in (1, 3))
    assert words(plots.agreement_matrix(three)).count("credit v2") >= 2
    for name in ("credit v1", "another"):
        with pytest.raises(UsageError, match=f"against='{name}' is no version that credit v1 was compared with"):
            plots.shift(three, against=name)


def test_shaps_own_plots_take_an_explanation_after_a_plain_installation(make_explanation: Any) -> None:
    explanation = make_explanation(5, 2)
    np.testing.assert_array_equal(explanation.to_shap().values, explanation.values[:, :, 1])


def test_effects_on_probabilities_are_drawn_in_points_as_the_text_tells_them(things: dict[str, Any]) -> None:
    comparison = things["comparison"]
    shifted = plots.shift(comparison)
    delta = comparison.features["delta"].abs().max()
    drawn = [text.get_text() for text in shifted.texts]
    assert any(f"{100 * delta:.2g}" in text.replace("\N{MINUS SIGN}", "-") for text in drawn)
    apart = plots.disagreement(comparison)
    assert "in points" in apart.axes[0].get_xlabel() + " ".join(text.get_text() for text in apart.texts)
    assert "points on average" in " ".join(text.get_text() for text in plots.interactions(things["values"]).texts)
