from typing import Any

import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from interp_pipeline.config import TrainConfig
from interp_pipeline.data.schema import Schema
from interp_pipeline.data.split import split
from interp_pipeline.errors import DataError

CLASSES = Schema(features=(), target="y", task="binary", classes=("a", "b"))
NUMBER = Schema(features=(), target="y", task="regression")


def rows(n_a: int, n_b: int) -> pd.DataFrame:
    return pd.DataFrame({"x": range(n_a + n_b), "y": ["a"] * n_a + ["b"] * n_b}).set_axis(
        range(100, 100 + n_a + n_b), axis=0
    )


def test_a_fifth_is_held_back_with_the_classes_in_proportion() -> None:
    train, test = split(rows(70, 30), CLASSES, TrainConfig())
    assert train["y"].value_counts().to_dict() == {"a": 56, "b": 24}
    assert test["y"].value_counts().to_dict() == {"a": 14, "b": 6}


def test_every_row_is_on_one_side_under_its_own_number() -> None:
    frame = rows(30, 20)
    train, test = split(frame, CLASSES, TrainConfig())
    pd.testing.assert_frame_equal(pd.concat([train, test]).sort_index(), frame)


def test_it_is_the_split_scikit_learn_gives() -> None:
    frame = rows(37, 26)
    expected, _ = train_test_split(frame, test_size=0.2, random_state=42, stratify=frame["y"])
    pd.testing.assert_frame_equal(split(frame, CLASSES, TrainConfig())[0], expected)


def test_the_seed_decides() -> None:
    first, second, other = (split(rows(30, 20), CLASSES, TrainConfig(seed=seed))[1] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, second)
    assert list(first.index) != list(other.index)


def test_a_regression_is_split_without_classes() -> None:
    frame = rows(10, 0).assign(y=range(10))
    assert [len(part) for part in split(frame, NUMBER, TrainConfig())] == [8, 2]


@pytest.mark.parametrize(
    ("frame", "schema", "config", "message"),
    [
        (rows(1, 0), NUMBER, {}, "^1 row is too few: .* each a row of target 'y'; add rows$"),
        (rows(2, 2), CLASSES, {}, "^4 rows are too few: 1 for the test split and 3 .* each every class of target 'y'"),
        (rows(9, 9), CLASSES, {"test_fraction": 0.95}, "add rows or change test_fraction$"),
    ],
)
def test_too_few_rows(frame: Any, schema: Any, config: Any, message: Any) -> None:
    with pytest.raises(DataError, match=message):
        split(frame, schema, TrainConfig(**config))
