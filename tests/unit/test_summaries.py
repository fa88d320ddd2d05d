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
    assert len(lines) <= 15
    assert max(map(cell_len, lines)) <= 110
    assert all(character.isprintable() for line in lines for character in line)
    assert "array(" not in text
    rule = next(i for i, line in enumerate(lines) if set(line) == {"─"})
    body = lines[rule + 1 : rule + 11]
    assert {cell_len(line) for line in body} == {cell_len(lines[rule])}  # the last column ends where the rule does
    assert lines[-1].startswith("and ")


@pytest.mark.parametrize("make", SHOWN.values(), ids=SHOWN)
def test_a_notebook_is_shown_the_same_escaped(make: Any) -> None:
    thing = make()
    page = thing._repr_html_()
    assert "<b>" not in page
    assert page.count("<tr>") == 11
    assert html.escape(repr(thing).splitlines()[0]) in page


def test_what_is_shown_is_what_was_found() -> None:
    explanation = _explanation(60, 2, positive_class="yes")
    text = repr(explanation)
    assert text.startswith("SHAP values of 60 rows by shap_tree, of probability of yes\n")
    for rank, j in enumerate(explanation.ranking[:10]):
        assert f" {number(float(explanation.importance[j]))} " in text.splitlines()[3 + rank]
    one = repr(_explanation(1))
    assert one.startswith("SHAP values of row 17 by shap_tree, of probability; prediction: ")
    assert "\\u202e" in text + one
    assert repr(_comparison()).startswith("credit v1 and credit v2 on 40 rows: rank correlation 1\n")
