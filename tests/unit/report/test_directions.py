"""What is said about a feature's direction, held against the tables it is said about."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.report.drivers import compute_drivers
from interp_pipeline.report.sentences.drivers import driver_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Table = tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]  # values and effects of the rows

_NUMBER = r"[+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?"
_CLAIM = re.compile(
    rf"(?P<effect>{_NUMBER})(?: points)?(?: on average)?,? where it is (?P<group>.+?)(?=, | \(|, and|\.(?:$| ))"
)
_DAY = pd.Timestamp("2024-01-01")


def _levels(means: list[float], rows: int, noise: float, seed: int = 0) -> Table:
    """So many rows per level 0, 1, 2 …, with their mean effects."""
    random = np.random.default_rng(seed)
    cells = np.repeat(np.arange(len(means)), rows)
    return cells.astype(object), np.repeat(means, rows) + noise * random.normal(size=len(cells))


def _curve(shape: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], noise: float, rows: int = 200) -> Table:
    random = np.random.default_rng(1)
    x = random.uniform(0, 10, rows)
    return x.astype(object), shape(x) + noise * random.normal(size=rows)


def _dates(shape: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Table:
    x, effects = _curve(shape, 0.1)
    return np.array([_DAY + pd.Timedelta(days=round(40 * float(cell))) for cell in x], dtype=object), effects


def _mostly_zero() -> Table:
    """Nineteen of twenty rows share one value: quintiles of these rows are one and the same number."""
    random = np.random.default_rng(2)
    cells = np.where(np.arange(200) < 190, 0.0, random.uniform(1000, 90000, 200))
    return cells.astype(object), np.where(cells > 0, 3.0, -0.2) + 0.1 * random.normal(size=200)


def _outliers() -> Table:
    x, effects = _curve(lambda x: 0.5 * x, 0.2)
    return np.append(x[:-2], [1e9, 2e9]).astype(object), np.append(effects[:-2], [-40.0, -60.0])


def _gaps() -> Table:
    x, effects = _curve(lambda x: x, 0.3)
    return np.where(np.arange(200) % 4 == 0, np.nan, x.astype(np.float64)).astype(object), effects


def _close_numbers() -> Table:
    """Numbers that only their last digits tell apart."""
    x, effects = _curve(lambda x: x, 0.1)
    return (5.0 + 1e-7 * x.astype(np.float64)).astype(object), effects


def _hours() -> Table:
    x, effects = _curve(lambda x: x, 0.1)
    return np.array([_DAY + pd.Timedelta(seconds=round(3000 * float(cell))) for cell in x], dtype=object), effects


def _categories(means: dict[str, float], noise: float, rows: int = 30) -> Table:
    random = np.random.default_rng(3)
    cells = np.repeat(np.array(list(means), dtype=object), rows)
    return cells, np.repeat(list(means.values()), rows) + noise * random.normal(size=len(cells))


def _rare_category() -> Table:
    cells, effects = _categories({"a": 1.0, "b": -1.0}, 0.1)
    return np.append(cells, "rare").astype(object), np.append(effects, 99.0)


TABLES: dict[str, tuple[Table, str]] = {
    "stock options: means +2.4, -1.5, -1.3, -0.3": (_levels([2.4, -1.5, -1.3, -0.3], 25, 0.5), "valley"),
    "U": (_curve(lambda x: (x - 5) ** 2, 0.5), "valley"),
    "inverted U": (_curve(lambda x: -((x - 5) ** 2), 0.5), "peak"),
    "hook: down a little, then up far": (_curve(lambda x: (x - 3.2) ** 2, 0.2), "valley"),
    "zigzag": (_levels([0.0, 5.0, -5.0, 0.1, 0.0], 30, 0.3), "zigzag"),
    "dip inside of a rise": (_levels([-5.0, 2.0, -2.0, 5.0], 30, 0.3), "weak"),
    "step": (_levels([1.0, 1.0, 1.0, -1.0, -1.0], 30, 0.0), "down"),
    "monotone": (_curve(lambda x: x, 0.3), "up"),
    "monotone, falling": (_curve(lambda x: -np.sqrt(x), 0.1), "down"),
    "monotone beyond doubt, and drowned in what else the rows are": (_curve(lambda x: 0.35 * x, 3.0, 2000), "weak"),
    "noise": (_curve(lambda x: 0 * x, 1.0), "alike"),
    "rounding": (_levels([0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2], 10, 0.0), "alike"),
    "two values": (_levels([-1.0, 1.0], 40, 0.2), "up"),
    "nearly all zero": (_mostly_zero(), "weak"),
    "outliers": (_outliers(), "weak"),
    "gaps": (_gaps(), "up"),
    "close numbers": (_close_numbers(), "up"),
    "hours of one day": (_hours(), "up"),
    "dates": (_dates(lambda x: -x), "down"),
    "dates, U": (_dates(lambda x: (x - 5) ** 2), "valley"),
    "categories": (_categories({"own": 2.0, "rent": -1.0, "free": -1.5}, 0.2), "categories"),
    "categories that do nothing": (_categories({"own": 0.0, "rent": 0.0, "free": 0.0}, 1.0), "alike"),
    "a category of one row": (_rare_category(), "categories"),
    "five rows": (_levels([3.0, -1.0, -1.0, 0.5, 2.0], 1, 0.0), "valley"),
}


def _explanation(table: Table, *, classes: bool) -> Explanation:
    """A regression or a two-class model with one feature; effects of probabilities are a hundredth."""
    cells, effects = table
    values = (effects / 100 if classes else effects).reshape(-1, 1, 1)
    names, positive = (("price",), None)
    if classes:
        values, names, positive = np.concatenate([-values, values], axis=2), ("bad", "good"), "good"
    base = np.full((len(cells), len(names)), 0.5)
    return Explanation(
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        data=pd.DataFrame({"f": cells}),
        output_names=names,
        output_unit="probability" if classes else "price",
        positive_class=positive,
        method="shap_tree",
        seed=0,
        cost=Cost(seconds=0.0, model_evaluations=0),
    )


def _sentence(explanation: Explanation) -> str:
    driver = compute_drivers(explanation, 1)[0]
    text = driver_sentence(driver, explanation.output_unit)
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def _within(cells: pd.Series, label: str) -> npt.NDArray[np.bool_]:
    """The rows a label speaks about, read from its words alone."""
    ends = label.split(" to ")
    if re.match(r"\d{4}-", label):
        low, high = pd.Timestamp(ends[0]), pd.Timestamp(ends[-1])
        # an end is written to the minute or, where no time stands, to the day
        high += pd.Timedelta(minutes=1) if " " in ends[-1] else pd.Timedelta(days=1)
        return ((cells >= low) & (cells < high)).to_numpy(dtype=bool)
    low, high = (float(end.replace(",", "")) for end in (ends[0], ends[-1]))
    slack = 1e-12 + 5e-4 * max(abs(low), abs(high)) if len(f"{low}") < 7 else 1e-9
    numbers = pd.to_numeric(cells)
    return ((numbers >= low - slack) & (numbers <= high + slack)).to_numpy(dtype=bool)


@pytest.mark.parametrize("classes", [False, True], ids=["regression", "classification"])
@pytest.mark.parametrize("name", TABLES)
def test_a_sentence_says_what_its_table_says(name: str, *, classes: bool) -> None:
    table, direction = TABLES[name]
    explanation = _explanation(table, classes=classes)
    driver, text = compute_drivers(explanation, 1)[0], _sentence(explanation)
    cells, effects = explanation.data["f"], table[1]

    assert driver.direction == direction, text
    claims = [(float(found["effect"].replace(",", "")), found["group"]) for found in _CLAIM.finditer(text)]
    assert bool(claims) == (direction in {"up", "down", "valley", "peak", "zigzag", "weak"}), text
    for stated, label in claims:
        mean = effects[_within(cells, label)].mean()
        assert stated == pytest.approx(mean, abs=0.06, rel=0.01), (text, label, mean)
    means = [group.effect * (100 if classes else 1) for group in driver.groups]
    if direction in {"zigzag", "weak"}:
        assert [stated for stated, _ in claims] == [
            pytest.approx(max(means), abs=0.06),
            pytest.approx(min(means), abs=0.06),
        ]
    if direction in {"valley", "peak"}:
        assert claims[0][0] == pytest.approx(min(means) if direction == "valley" else max(means), abs=0.06, rel=0.01)
    assert ("Higher" in text or "A later" in text) == (direction in {"up", "down"})


def test_what_the_sentences_read() -> None:
    def told(name: str) -> str:
        return _sentence(_explanation(TABLES[name][0], classes=False))

    assert told("zigzag").startswith("f moves the predicted price in no single direction: on average +5.08")
    assert told("dip inside of a rise").startswith("The effect of f on the predicted price is highest, +5 on average")
    assert told("noise") == (
        "The effect of f on the predicted price lies between -2.46 and +3.1; which value it has makes no difference to "
        "its average effect beyond chance."
    )
    assert told("a category of one row").startswith(
        "Of the values of f (1 rare one left out), “a” raises the predicted"
    )
    assert told("nearly all zero").endswith("where it is 4,757 to 81,829, and lowest, -0.208, where it is 0.")
    assert told("hours of one day").startswith("A later f raises the predicted price: on average ")
    assert "2024-01-01 00:0" in told("hours of one day")


def test_estimated_effects_of_single_rows_tell_no_direction() -> None:
    explanation = _explanation(_levels([0.0, 1.0, 2.0, 3.0, 4.0], 1, 0.0), classes=False)
    assert compute_drivers(explanation, 1)[0].direction == "up"
    vague = dataclasses.replace(explanation, std_errors=np.full(explanation.values.shape, 5.0))
    assert compute_drivers(vague, 1)[0].direction == "alike"


_rows = st.lists(st.tuples(st.integers(-3, 12), st.floats(-5, 5, allow_nan=False, width=16)), min_size=2, max_size=60)


@settings(max_examples=300, deadline=None)
@given(rows=_rows, tilt=st.floats(-2, 2, allow_nan=False))
def test_no_group_contradicts_a_stated_direction(rows: list[tuple[int, float]], tilt: float) -> None:
    cells = np.array([value for value, _ in rows], dtype=object)
    effects = np.array([tilt * value + noise for value, noise in rows])
    driver = compute_drivers(_explanation((cells, effects), classes=False), 1)[0]
    numbers = cells.astype(np.float64)
    assert sum(group.n_rows for group in driver.groups) in {0, len(cells)}
    if driver.direction not in {"up", "down"}:
        return
    members = [effects[_within(pd.Series(numbers), group.label)] for group in driver.groups]
    sign = 1.0 if driver.direction == "up" else -1.0
    means = [sign * float(each.mean()) for each in members]
    errors = [float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else 0.0 for each in members]
    for later in range(len(means)):
        for before in range(later):
            assert means[later] >= means[before] - np.hypot(errors[later], errors[before]) - 1e-7
    assert means[-1] == pytest.approx(max(means), abs=2 * max(errors) + 1e-7)
    assert means[-1] - means[0] > 1.95 * np.hypot(errors[-1], errors[0])
