"""Names of artifacts and metrics: MLflow takes every one of them, and no two features share one."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name

from interp_pipeline.tracking import layout

# Dense in what collides: few characters, all of them awkward somewhere.
_AWKWARD = st.text(alphabet="ab_-. /:$<\n\\%é", min_size=1, max_size=12)
_LONG = st.text(alphabet="ab/", min_size=195, max_size=260)
_NAMES = _AWKWARD | st.text(min_size=1, max_size=40) | _LONG
_PLAIN = st.from_regex(re.compile(r"[A-Za-z0-9_é身][A-Za-z0-9_\-. é身]{0,60}[A-Za-z0-9_é身]"), fullmatch=True)


@given(_NAMES, _NAMES)
@example("a/b", "a_b")
@example("a/b", "a:b")
@example("x" * 250, "x" * 251)
@example(" a", "a")
@example("..", ".")
@example("a\n", "a")
def test_different_names_stay_different(one: str, other: str) -> None:
    made = layout.safe_metric_part(one), layout.safe_metric_part(other)
    assert (made[0] == made[1]) is (one == other)


@given(_NAMES)
def test_a_name_that_looks_made_here_collides_with_none(name: str) -> None:
    """The part made for one feature, as the true name of another."""
    made = layout.safe_metric_part(name)
    if made != name:
        assert layout.safe_metric_part(made) != made


@given(_NAMES)
@example("../../etc/passwd")
@example("<script>")
@example("%2e%2e")
@example(".")
@example("..")
@example("a//b")
@example("/")
@example(" ")
@example("\x00")
@example("ⅷ٣²")
def test_mlflow_takes_every_name(name: str) -> None:
    made = next(iter(layout.feature_metrics({name: 1.0})))
    _validate_metric_name(made)
    assert len(made) <= 250
    assert made.startswith("shap_mean_abs/")
    assert "/" not in made.removeprefix("shap_mean_abs/")  # one chart section, and no path


@given(_PLAIN)
@example("credit_amount")
@example("sepal length cm")
@example("sales_20240101")
@example("größe")
def test_plain_names_stay_as_they_are(name: str) -> None:
    if re.search(r"--[0-9a-f]{8}$", name) is None:
        assert layout.safe_metric_part(name) == name


def test_a_table_of_names_keeps_its_values() -> None:
    values = {"a/b": 1.0, "a:b": 2.0, "a_b": 3.0, "a" * 300: 4.0, "a" * 301: 5.0}
    made = layout.feature_metrics(values)
    assert list(made.values()) == [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (layout.check_metric("additivity_error"), "explanation_check/additivity_error"),
        (layout.cost_metric("rows_per_second"), "explanation_cost/rows_per_second"),
        (layout.comparison_metric("sign_flips"), "comparison/sign_flips"),
        (layout.explanation_root(layout.MODEL_NAME), "explanations/model"),
    ],
)
def test_the_names_of_the_contract(made: str, name: str) -> None:
    assert made == name
