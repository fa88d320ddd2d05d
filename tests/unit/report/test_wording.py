from __future__ import annotations

import numpy as np
import pytest

from interp_pipeline.report import wording

NB = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [
        (0.765, 1, f"76.5{NB}%"),
        (0.7, 1, f"70.0{NB}%"),
        (0.7, 0, f"70{NB}%"),
        (0.0, 1, f"0{NB}%"),
        (1.0, 1, f"100{NB}%"),
        (0.0004, 1, f"less than 0.1{NB}%"),
        (0.9996, 1, f"more than 99.9{NB}%"),
        (0.996, 0, f"more than 99{NB}%"),
        (0.003, 0, f"less than 1{NB}%"),
        (-0.123, 1, f"{MINUS}12.3{NB}%"),
        (1.07, 1, f"107.0{NB}%"),
    ],
)
def test_percent(share: float, decimals: int, text: str) -> None:
    assert wording.percent(share, decimals) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.051, f"+5.1{NB}points"),
        (-0.12, f"{MINUS}12.0{NB}points"),
        (0.00034, f"+0.034{NB}points"),
        (0.0, f"0{NB}points"),
        (-0.00999, f"{MINUS}1.0{NB}points"),
    ],
)
def test_points(share: float, text: str) -> None:
    assert wording.points(share) == text


def test_effects_follow_the_unit_of_the_output() -> None:
    assert wording.effect(0.05, "probability") == f"+5.0{NB}points"
    assert wording.effect(-43.21, "price") == f"{MINUS}43.2"
    assert wording.effect(43.21, "price", signed=False) == "43.2"
    assert wording.effect(0.0, "price") == "0"
    assert wording.level(0.823, "probability") == f"82.3{NB}%"
    assert wording.level(-12345.6, "price") == f"{MINUS}12,346"


def test_a_column_of_a_table_has_one_precision() -> None:
    assert wording.column([0.0512, 0.003, 0.00001], "probability", 0.0512) == ["5.12", "0.30", "0.00"]
    assert wording.column([0.05, -0.003, -1e-9], "probability", 0.05, signed=True) == ["+5.00", f"{MINUS}0.30", "0.00"]
    assert wording.column([43.21, 0.5], "price", 43.21) == ["43.2", "0.5"]
    assert wording.column([1234.0, -3.0], "price", 1234.0, signed=True) == ["+1,234", f"{MINUS}3"]
    assert wording.column([-20_912_345.6], "price", 1.0) == [f"{MINUS}20,912,345.60"]
    assert wording.column([0.0], "price", 0.0) == ["0"]


def test_a_small_standard_error_does_not_read_as_none() -> None:
    assert wording.errors_column([0.0012, 0.00001, 0.0], "probability", 0.0512) == ["0.12", "<0.01", "0.00"]
    assert wording.errors_column([0.4, 0.01], "price", 43.21) == ["0.4", "<0.1"]
    assert wording.errors_column([3.0, 0.2, 0.0], "price", 1234.0) == ["3", "<1", "0"]


def test_lists_and_counts() -> None:
    assert wording.listed([]) == ""
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b"], "or") == "a or b"
    assert wording.listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"
    assert wording.count(1, "row") == "1 row"
    assert wording.count(1200, "row") == "1,200 rows"
    assert wording.article("random forest") == "a random forest"
    assert wording.article("estimator") == "an estimator"


def test_names_are_made_fit_for_a_sentence() -> None:
    assert wording.name("two\nlines\tand\x00 a bell\a") == "two lines and\N{WHITE SQUARE} a bell\N{WHITE SQUARE}"
    assert wording.name("turned \u202e around") == "turned \N{WHITE SQUARE} around"
    assert wording.name("lone \ud800 half").encode() == "lone \N{WHITE SQUARE} half".encode()
    assert wording.name("  ") == "(empty)"
    assert len(wording.name("x" * 200)) == 60
    assert wording.quoted("good") == "“good”"


def test_values_of_cells() -> None:
    assert wording.value("own") == "“own”"
    assert wording.value("") == "(empty)"
    assert wording.value(None) == "missing"
    assert wording.value(-5) == f"{MINUS}5"
    assert wording.value(float("nan")) == "missing"
    assert wording.value(np.bool_(1)) == "true"


def test_outputs_in_words() -> None:
    assert wording.output_phrase("good", "probability") == "the probability of “good”"
    assert wording.output_phrase("price", "price") == "the predicted price"
    assert wording.gap(2.2e-16) == f"2.2e{MINUS}16"
    assert wording.gap(0.0) == "0"
