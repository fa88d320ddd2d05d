import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.config import TrainConfig
from interp_pipeline.data.dataset import load_dataset
from interp_pipeline.data.typed_rows import TypedRows
from interp_pipeline.errors import DataError, UsageError

HOSTILE = ["Größe in m²", "a\nb", "<script>alert(1)</script>", "$x_{1}$ %s {}", "n" * 90, "Target", "target "]


def write(path: Path, frame: pd.DataFrame) -> str:
    frame.to_csv(path, index=False)
    return str(path)


def test_the_default_data() -> None:
    data = load_dataset("german_credit", TrainConfig())
    assert (len(data.train), len(data.test)) == (800, 200)
    assert data.schema.positive_class == "bad"
    assert data.report.n_rows == 1000
    target, why = (
        "Target 'target' holds 2 distinct values: a binary classification.",
        "the rarer one, 30 % of the rows.",
    )
    assert data.report.lines == (
        "1,000 rows (800 to train, 200 to test) with 20 features: 13 category, 7 numeric.",
        f"{target} The positive class is 'bad': {why}",
    )
    assert data.features(data.test).shape == (200, 20)
    assert np.bincount(data.target(data.test)).tolist() == [60, 140]
    assert "target" not in data.features(data.train)


def test_everything_that_was_decided_is_reported(tmp_path: Path) -> None:
    n = 200
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [f"customer {i}" for i in range(n)],
            "constant": 1,
            "gone": None,
            "signed": pd.date_range("2024-01-01", periods=n, freq="h", tz="Europe/Berlin").strftime("%Y-%m-%dT%H:%M%z"),
            "city": [f"city {i}" for i in rng.integers(0, 80, n)],
            "age": np.where(np.arange(n) % 10 == 0, np.nan, rng.integers(20, 90, n)),
            "member": rng.choice(["TRUE", "false", ""], n),
            "churned": np.where(np.arange(n) < 20, None, rng.choice(["yes", "no"], n)),
        }
    )
    data = load_dataset(write(tmp_path / "customers.csv", frame), TrainConfig(target="churned"))
    kinds = {feature.name: feature.kind for feature in data.schema.features}
    assert kinds == {
        "id": "unused",
        "constant": "unused",
        "gone": "unused",
        "signed": "date",
        "city": "category",
        "age": "numeric",
        "member": "boolean",
    }
    assert (data.report.n_rows, data.report.n_dropped) == (180, 20)
    text = "\n".join(data.report.lines)
    for fact in (
        "180 rows (144 to train, 36 to test) with 7 features: 3 unused, 1 date, 1 category, 1 numeric, 1 boolean.",
        "The positive class is 'yes': the affirming one of the two values.",
        "20 of 200 rows were left out: their target 'churned' is missing.",
        "'id': 180 of 180 texts are distinct: an identifier or free text; not used.",
        "'constant': is '1' in every row; not used.",
        "'gone': every value is missing; not used.",
        "'signed': texts, all of them ISO 8601 dates, read as days since 1970-01-01.",
        "the 49 most frequent are kept",
        "Missing values: 'age' 18, 'member' ",
    ):
        assert fact in text
    assert data.train.index.min() >= 20


def test_row_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": range(100), "target": ["a", "b"] * 50})
    frame.loc[::7, "target"] = None
    data = load_dataset(write(tmp_path / "t.csv", frame), TrainConfig())
    for part in (data.train, data.test):
        assert (part["x"] == part.index).all()


def test_hostile_names_go_through(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.random(40) for name in HOSTILE}).assign(target=["<b>$", "a\nb"] * 20)
    data = load_dataset(write(tmp_path / "t.csv", frame), TrainConfig())
    assert data.schema.feature_names == tuple(HOSTILE)
    assert data.schema.classes == ("<b>$", "a\nb")
    assert not any("\n" in line for line in data.report.lines)
    matrix = TypedRows(data.schema.to_dict()["features"]).to_matrix(data.features(data.test))
    np.testing.assert_array_equal(matrix, data.test[HOSTILE])


def test_a_regression(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": range(50), "price": np.linspace(0, 1, 50)})
    data = load_dataset(write(tmp_path / "t.csv", frame), TrainConfig(target="price"))
    assert data.schema.task == "regression"
    assert data.schema.output_names == ("price",)
    np.testing.assert_array_equal(data.target(data.test), data.test["price"])


@pytest.mark.parametrize(
    ("content", "config", "message"),
    [
        ("x,target\n1,a\n", {}, r"t\.csv has a single row with a target: a model needs more, add rows"),
        ("x,target\n1,a\n2,\n", {}, "has a single row with a target"),
        ("x,target\n1,\n2,\n", {}, "all 2 values are missing"),
        ("x,target\n1,a\n2,a\n", {}, "one class only, 'a'"),
        ("x,target\n1,a\n2,b\n3,b\n", {}, "a single row has class 'a'"),
        ("x,target\n1,a\n2,b\n3,b\n4,a\n", {}, "4 rows are too few"),
        ("x,target\n1,a\n2,b\n", {"target": "y"}, "target column 'y' is not in the data"),
        ("x,target\ninf,a\n2,b\n3,a\n4,b\n", {}, "column 'x', row 0: inf is not a finite number"),
        ("x,target\n1,a\n1,b\n1,b\n1,a\n", {}, "no column beside the target 'target' can be used: 'x': is '1'"),
    ],
)
def test_data_that_cannot_be_used(tmp_path: Path, content: Any, config: Any, message: Any) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UsageError, match=message) as caught:
        load_dataset(str(tmp_path / "t.csv"), TrainConfig(**config))
    assert isinstance(caught.value, DataError) or config


def test_a_data_set_cannot_be_changed() -> None:
    data = load_dataset("german_credit", TrainConfig())
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.source = "elsewhere"
