"""Text that is drawn: nothing the font lacks, never wider than its box, its end kept."""

from __future__ import annotations

import time
import warnings

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from interp_pipeline.plots.text import clean, middle_ellipsis, number, signed, text_width, value_label, wrap
from interp_pipeline.plots.theme import text_style

any_text = st.text(max_size=120)


@settings(max_examples=60, deadline=None)
@given(any_text)
@example("\x00\u202e\ud800🎉$^{_\\")
def test_clean_text_is_drawn_without_a_warning(text: str) -> None:
    figure = Figure(figsize=(2, 2))
    figure.text(0, 0, clean(text), **text_style())
    figure.text(0, 0, clean(text), **text_style(bold=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FigureCanvasAgg(figure).draw()
    assert clean(clean(text)) == clean(text)


@settings(max_examples=200, deadline=None)
@given(text=any_text, width=st.floats(0.5, 4), lines=st.integers(1, 3), bold=st.booleans())
@example(text="a" * 120, width=0.5, lines=1, bold=True)
@example(text="-" * 120, width=0.5, lines=2, bold=False)
def test_wrapped_text_fits_its_box(text: str, width: float, lines: int, *, bold: bool) -> None:
    wrapped = wrap(text, width, 9.5, lines=lines, bold=bold).split("\n")
    assert len(wrapped) <= lines
    assert all(text_width(line, 9.5, bold=bold) <= width for line in wrapped)


@given(any_text)
def test_text_that_fits_is_left_alone(text: str) -> None:
    assert wrap(text, 200.0, 9.5) == clean(text)


def test_nothing_is_lost_by_wrapping() -> None:
    text = "customer_relationship.monthly_average_of_outstanding_balances"
    assert wrap(text, 2.5, 9.5).replace("\n", "") == text
    assert "\n" in wrap(text, 2.5, 9.5)


def test_a_name_too_long_keeps_its_beginning_and_more_of_its_end() -> None:
    shortened = middle_ellipsis("abcdefghijklmnopqrstuvwxyz", 11)
    assert shortened == "abcd…uvwxyz"
    assert wrap("balance_" * 30 + "v17", 2.0, 9.5).endswith("v17")
    assert middle_ellipsis("short", 5) == "short"


@pytest.mark.parametrize("letter", ["a", "i", "_", "\u0301", "\U0010ffff", "a ", "\u7279"])
def test_a_name_of_ten_thousand_characters_is_drawn_as_quickly_as_a_short_one(letter: str) -> None:
    name = (letter * 10_000)[:9_990] + "_v17"
    started = time.process_time()
    shown = [wrap(name, 0.5 + k / 10, 9.5, lines=2, bold=bool(k % 2)) for k in range(10)]
    shown += [value_label(pd.DataFrame({name: [name * 100]}), 0, 0)]
    assert time.process_time() - started < 2.0
    assert all("…" in each for each in shown)
    assert all(each.endswith("v17") for each in shown if " " not in letter)


def test_numbers_and_short_words_are_not_torn_apart() -> None:
    assert all("16,024" in line or "16" not in line for line in wrap("off by 16,024 on average", 0.9, 9.5).split("\n"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (-0.01234, "\N{MINUS SIGN}0.0123"),
        (1994.0, "1,994"),
        (-20_912_345.6, "\N{MINUS SIGN}20,912,346"),
        (4_230_000_000.0, "4,230,000,000"),
        (1.2e-7, "1.2e\N{MINUS SIGN}7"),
    ],
)
def test_numbers_read_well(value: float, shown: str) -> None:
    assert number(value) == shown


def test_signs_are_shown() -> None:
    assert [signed(value) for value in (0.5, -0.5, 0.0)] == ["+0.5", "\N{MINUS SIGN}0.5", "0"]


def test_feature_and_value_both_stay_recognisable() -> None:
    label = value_label(pd.DataFrame({"purpose": ["x" * 100]}), 0, 0)
    assert label.startswith("purpose = xxx")
    assert len(label) < 50
    data = pd.DataFrame({"temperature": [-3.5, 1.0], "built": [1994, 2010], "price": [5912, 15895]})
    assert value_label(data, 0, 0) == "temperature = \N{MINUS SIGN}3.5"
    assert [value_label(data, 0, column) for column in (1, 2)] == ["built = 1994", "price = 5,912"]
