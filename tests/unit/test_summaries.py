"""What ``repr`` and notebooks show: a short table, aligned and escaped, never raw arrays."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.comparison import compute_comparison
from interp_pipeline.config import CompareConfig
from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.interactions import Interactions
from interp_pipeline.readable import number

_NAMES = ("age", "特征名称", "<b>x</b>", "line\nbreak \x1b[31m\u202e", "f" * 80, *(f"f{i}" for i in range(9)))


def _explanation(n_rows: int, n_outputs: int = 1, **changes: Any) -> Explanation:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n_rows, len(_NAMES), n_outputs)) * np.linspace(2, 0.1, len(_NAMES))[None, :, None]
    data = pd.DataFrame(rng.normal(size=(n_rows, len(_NAMES))), columns=list(_NAMES), index=range(17, 17 + n_rows))
    base = np.full((n_rows, n_outputs), 0.5)
    fields: dict[str, Any] = {
        "values": values,
        "base_values": base,
        "predictions": base + values.sum(axis=1),
        "data": data,
        "output_names": ("no", "yes", "maybe")[:n_outputs],
        "output_unit": "probability",
        "positive_class": None,
        "method": "shap_tree",
        "seed": 0,
        "cost": Cost(seconds=1.0, model_evaluations=0),
    }
    return Explanation(**(fields | changes))


def _interactions() -> Interactions:
    explanation = _explanation(5)
    n = len(_NAMES)
    sizes = np.arange(n * n, dtype=float).reshape(n, n, 1)
    return Interactions(
        explanation=explanation,
        rows=tuple(range(5)),
        mean_abs=sizes + sizes.transpose(1, 0, 2),
        mean=sizes,
        pairs=(),
        values=np.zeros((5, 0, 1)),
        cost=Cost(seconds=1.0, model_evaluations=0),
    )


def _comparison(n_rows: int = 40) -> Any:
    sides = [_explanation(n_rows), _explanation(n_rows, method="shap_exact")]
    return compute_comparison(sides, ["credit v1", "credit v2"], CompareConfig(bootstrap_samples=100))


SHOWN = {
    "explanation": lambda: _explanation(60),
    "two classes": lambda: _explanation(60, 2, positive_class="yes"),
    "three classes": lambda: _explanation(60, 3),
    "one row": lambda: _explanation(1),
    "one row, three classes": lambda: _explanation(1, 3),
    "lime": lambda: _explanation(60, local_r2=np.full((60, 1), 0.4), method="lime"),
    "interactions": _interactions,
    "comparison": _comparison,
    "comparison on one row": lambda: _comparison(1),
}


@pytest.mark.parametrize("make", SHOWN.values(), ids=SHOWN)
def test_it_is_short_and_aligned_and_obeyed_by_no_terminal(make: Any) -> None:
    from rich.cells import cell_len

    text = repr(make())
    lines = text.splitlines()
    assert len(lines) <= 17
    assert max(map(cell_len, lines)) <= 110
    assert all(character.isprintable() for line in lines for character in line)
    assert "array(" not in text
    rule = next(i for i, line in enumerate(lines) if set(line) == {"─"})
    body = lines[rule + 1 : rule + 11]
    assert {cell_len(line) for line in body} == {cell_len(lines[rule])}  # the last column ends where the rule does
    assert any(
        line.startswith(("and 4 other", "and 4 further", "4 other features together", "and 81")) for line in lines
    )


@pytest.mark.parametrize("make", SHOWN.values(), ids=SHOWN)
def test_a_notebook_is_shown_the_same_escaped(make: Any) -> None:
    thing = make()
    page = thing._repr_html_()
    assert "<b>" not in page
    assert page.count("<tr>") == (14 if "average prediction" in page else 11)
    assert html.escape(repr(thing).splitlines()[0]) in page


def test_what_is_shown_is_what_was_found() -> None:
    explanation = _explanation(60, 2, positive_class="yes")
    text = repr(explanation)
    assert text.startswith("SHAP values of 60 rows by shap_tree, in points of the probability of yes\n")
    for rank, j in enumerate(explanation.ranking[:10]):
        assert f" {number(100 * float(explanation.importance[j]))} " in text.splitlines()[3 + rank]
    one = repr(_explanation(1))
    assert one.startswith("SHAP values of row 17 by shap_tree, in points of the probability\n")
    assert "\\u202e" in text + one
    assert repr(_comparison()).startswith("credit v1 and credit v2 on 40 rows: rank correlation 1, effects in points\n")


def _shown_numbers(text: str, line: str) -> list[float]:
    (found,) = [each for each in text.splitlines() if each.startswith(line)]
    return [float(word) for word in found.removeprefix(line).replace("%", "").split()]


def test_the_effects_of_one_row_add_up_from_base_value_to_prediction() -> None:
    explanation = _explanation(1)
    text = repr(explanation)
    (start,), (rest,) = _shown_numbers(text, "average prediction"), _shown_numbers(text, "4 other features together")
    (end,) = _shown_numbers(text, "prediction")
    shown = 100 * explanation.values[0, list(explanation.ranking[:10]), 0].sum()
    assert start == pytest.approx(50)
    assert end == pytest.approx(100 * explanation.predictions[0, 0], rel=1e-2)
    assert start + shown + rest == pytest.approx(end, abs=1)


def test_the_others_are_told_with_their_share_and_the_error_beside_what_it_is_of() -> None:
    explanation = _explanation(60)
    part = explanation.importance[list(explanation.ranking[10:])].sum() / explanation.importance.sum()
    text = repr(explanation)
    assert f"and 4 other features, {100 * part:.0f} % of all effect together" in text
    assert text.index("mean |effect|") < text.index("std. error") < text.index("mean effect")


def test_lime_says_how_well_it_fits_and_where_not_to_rely_on_it() -> None:
    r2 = np.full((60, 1), 0.5)
    assert "R² of LIME's models: 0.5 on average, 0.5 at the lowest (1 would be perfect)." in repr(
        _explanation(60, local_r2=r2, method="lime")
    )
    r2[:2] = 0.2
    text = " ".join(repr(_explanation(60, local_r2=r2, method="lime")).split())
    assert "Do not rely on the weights of the 2 rows below 0.3, read the SHAP values of those rows." in text
    one = repr(_explanation(1, local_r2=np.full((1, 1), 0.2), method="lime"))
    assert one.startswith("LIME weights of row 17, in points of the probability; prediction: ")
    assert "R² of LIME's model: 0.2. Do not rely on these weights, read the SHAP values of this row." in one


def test_rounding_is_shown_as_nothing() -> None:
    values = _explanation(60).values.copy()
    values[:, 3] = 1e-17
    lines = repr(_explanation(60, values=values[:, :10], data=_explanation(60).data.iloc[:, :10])).splitlines()
    assert "e-" not in "".join(lines)
