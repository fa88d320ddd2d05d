"""The value object every room speaks about."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.errors import ModelError
from interp_pipeline.explanation import Cost, Explanation

pytestmark = pytest.mark.filterwarnings("ignore:The set_.* function:PendingDeprecationWarning")  # shap's import


def _explanation(n_outputs: int = 2, **changes: Any) -> Explanation:
    random = np.random.default_rng(0)
    values = random.normal(size=(4, 3, n_outputs))
    base = np.full((4, n_outputs), 0.5)
    given: dict[str, Any] = {
        "values": values,
        "base_values": base,
        "predictions": base + values.sum(axis=1),
        "data": pd.DataFrame({"age": [1.0, 2, 3, 4], "output": list("abcd"), "row_id": range(4)}, index=[9, 4, 7, 1]),
        "output_names": tuple(f"class {k}" for k in range(n_outputs)),
        "output_unit": "probability",
        "positive_class": "class 1" if n_outputs == 2 else None,
        "method": "shap_tree",
        "seed": 42,
        "cost": Cost(seconds=1.0, model_evaluations=7),
    }
    return Explanation(**{**given, **changes})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("values", np.zeros((4, 3))),
        ("values", np.zeros((4, 2, 2))),
        ("base_values", np.zeros(4)),
        ("predictions", np.zeros((3, 2))),
        ("std_errors", np.zeros((4, 3, 1))),
        ("local_r2", np.zeros((4, 3))),
    ],
)
def test_shapes_that_do_not_belong_together_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ModelError, match=rf"shap_tree: {field} has shape .*, expected"):
        _explanation(**{field: value})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["values", "base_values", "predictions"])
def test_numbers_that_are_none_are_refused(field: str, bad: float) -> None:
    broken = getattr(_explanation(), field).copy()
    broken.flat[0] = bad
    with pytest.raises(ModelError, match=rf"{field} holds NaN or infinite"):
        _explanation(**{field: broken})


def test_a_positive_class_is_one_of_the_outputs() -> None:
    with pytest.raises(ModelError, match="'maybe' is not among the outputs"):
        _explanation(positive_class="maybe")


def test_a_summary_speaks_about_the_right_outputs() -> None:
    assert _explanation().summary_outputs == (1,)
    assert _explanation(positive_class="class 0").summary_outputs == (0,)
    assert _explanation(n_outputs=3).summary_outputs == (0, 1, 2)
    assert _explanation(n_outputs=1).summary_outputs == (0,)


def test_importance_is_the_mean_absolute_value_of_the_summary() -> None:
    two, three = _explanation(), _explanation(n_outputs=3)
    np.testing.assert_allclose(two.importance, np.abs(two.values[:, :, 1]).mean(axis=0))
    np.testing.assert_allclose(three.importance, np.abs(three.values).mean(axis=(0, 2)))
    assert list(two.ranking) == sorted(range(3), key=lambda j: -two.importance[j])


def test_ties_keep_the_order_of_the_columns() -> None:
    values = np.ones((4, 3, 2))
    values[:, 1] = 2.0
    assert _explanation(values=values).ranking == (1, 0, 2)


def test_the_error_of_an_importance_counts_rows_and_sampling() -> None:
    exact = _explanation()
    per_row = np.abs(exact.values[:, :, 1])
    expected = per_row.std(axis=0, ddof=1) / np.sqrt(4)
    np.testing.assert_allclose(exact.importance_std_error, expected)
    sampled = _explanation(std_errors=np.full((4, 3, 2), 0.3))
    np.testing.assert_allclose(sampled.importance_std_error, np.sqrt(expected**2 + 0.3**2 / 4))
    one = {name: getattr(exact, name)[:1] for name in ("values", "base_values", "predictions", "data")}
    np.testing.assert_array_equal(dataclasses.replace(exact, **one).importance_std_error, 0.0)


def test_the_value_table_is_one_line_per_row_and_output() -> None:
    explanation = _explanation(std_errors=np.full((4, 3, 2), 0.1))
    table = explanation.to_frame()
    assert list(table["row_id"]) == [9, 9, 4, 4, 7, 7, 1, 1]
    assert list(table["output"]) == ["class 0", "class 1"] * 4
    assert list(table.columns[4:]) == [
        f"{kind}/{n}" for kind in ("shap", "std_error") for n in explanation.data.columns
    ]
    assert table.loc[5, "shap/output"] == explanation.values[2, 1, 1]
    total = table["base_value"] + table.filter(regex="^shap/").sum(axis=1)
    np.testing.assert_allclose(total, table["prediction"])


def test_lime_has_an_intercept_and_a_fidelity() -> None:
    table = _explanation(local_r2=np.full((4, 2), 0.8)).to_frame()
    assert list(table.columns[:5]) == ["row_id", "output", "intercept", "local_r2", "prediction"]
    assert list(table.columns[5:]) == ["lime/age", "lime/output", "lime/row_id"]


def test_shaps_own_plots_get_what_they_expect() -> None:
    two, three, one = (_explanation(n_outputs=n).to_shap() for n in (2, 3, 1))
    np.testing.assert_array_equal(two.values, _explanation().values[:, :, 1])
    assert two.feature_names == ["age", "output", "row_id"]
    assert three.values.shape == (4, 3, 3)
    assert one.values.shape == (4, 3)
    np.testing.assert_array_equal(three.base_values, np.full((4, 3), 0.5))


def test_very_large_values_have_standard_errors_too() -> None:
    plain = _explanation(std_errors=np.full((4, 3, 2), 0.3))
    large = dataclasses.replace(
        plain,
        values=plain.values * 2.0**900,
        base_values=plain.base_values * 2.0**900,
        predictions=plain.predictions * 2.0**900,
        std_errors=np.full((4, 3, 2), 0.3 * 2.0**900),
    )
    np.testing.assert_allclose(large.importance_std_error, plain.importance_std_error * 2.0**900, rtol=1e-12)
