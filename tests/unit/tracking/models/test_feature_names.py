"""Which columns are the features of a model that does not say so in its signature."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from interp_pipeline.data.declared import DeclaredColumn
from interp_pipeline.errors import UsageError
from interp_pipeline.tracking.models.feature_names import as_model_takes_them
from interp_pipeline.tracking.models.model_file import ModelFile

ROWS = pd.DataFrame({"a": [1, 2], "b": [3, 4], "y": [0, 1]})


def _file(**fields: Any) -> ModelFile:
    plain: dict[str, Any] = {
        "own": None,
        "flavor": "sklearn",
        "flavors": (),
        "columns": (),
        "dtype": "any",
        "width": None,
    }
    return ModelFile(**{**plain, "outputs": (), **fields})


def _names(native: Any, file: ModelFile, target: str | None = None) -> list[str]:
    taken = as_model_takes_them(ROWS, native, file, target=target, source="rows.csv", uri="models:/m/1")
    return list(taken.columns)


def test_the_signature_decides() -> None:
    columns = tuple(DeclaredColumn(name=name, dtype="float64") for name in ("b", "a"))
    assert _names(SimpleNamespace(feature_names_in_=["a", "b"]), _file(columns=columns)) == ["b", "a"]


@pytest.mark.parametrize(
    "native",
    [
        SimpleNamespace(feature_names_in_=["b", "a"]),
        SimpleNamespace(feature_names=["b", "a"]),  # a booster of XGBoost's
        SimpleNamespace(feature_name=lambda: ["b", "a"]),  # a booster of LightGBM's
    ],
)
def test_else_the_names_the_model_was_fitted_with(native: Any) -> None:
    assert _names(native, _file()) == ["b", "a"]


def test_else_the_columns_of_the_table() -> None:
    made_up = SimpleNamespace(feature_name=lambda: ["Column_0", "Column_1"], n_features_in_=2)
    assert _names(made_up, _file(), target="y") == ["a", "b"]
    assert _names(SimpleNamespace(), _file(width=3)) == ["a", "b", "y"]
    assert _names(SimpleNamespace(), _file(), target="y") == ["a", "b"]


def test_a_type_of_all_columns_is_taken_over() -> None:
    taken = as_model_takes_them(
        ROWS, SimpleNamespace(), _file(width=2, dtype="float32"), target="y", source="rows.csv", uri="models:/m/1"
    )
    assert {str(dtype) for dtype in taken.dtypes} == {"float32"}


def test_a_property_that_raises_is_no_name() -> None:
    class Odd:
        @property
        def feature_names_in_(self) -> Any:
            msg = "not fitted"
            raise RuntimeError(msg)

    assert _names(Odd(), _file(width=3)) == ["a", "b", "y"]


@pytest.mark.parametrize(
    ("native", "file", "says"),
    [
        (SimpleNamespace(feature_names_in_=["a", "c"]), _file(), "rows.csv lacks column 'c', which models:/m/1 was"),
        (
            SimpleNamespace(),
            _file(width=2),
            "has 3 ('a', 'b', 'y'): one of them may be the target: name it with --target",
        ),
        (SimpleNamespace(n_features_in_=7), _file(), "does not name its 7 columns, and rows.csv has 3"),
    ],
)
def test_what_does_not_fit_is_said(native: Any, file: ModelFile, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        _names(native, file)
    assert says in str(caught.value)


def test_lightgbm_writes_spaces_as_underscores() -> None:
    import lightgbm

    rows = pd.DataFrame({"how  long ": [1, 2, 3], "b_c": [3, 4, 0], "y": [0, 1, 0]})
    data = lightgbm.Dataset(rows[["how  long ", "b_c"]], rows["y"])
    booster = lightgbm.train({"verbose": -1}, data, 1)
    options: dict[str, Any] = {"target": None, "source": "rows.csv", "uri": "models:/m/1"}
    taken = as_model_takes_them(rows, booster, _file(flavor="lightgbm"), **options)
    assert list(taken.columns) == ["how  long ", "b_c"]
    with pytest.raises(UsageError, match=r"calls a column 'b_c', and both 'b_c' and 'b c' of the table could be meant"):
        as_model_takes_them(rows.assign(**{"b c": 1}), booster, _file(flavor="lightgbm"), **options)
    with pytest.raises(UsageError, match="lacks column 'b_c'"):  # to any other library a space is a space
        as_model_takes_them(
            rows.rename(columns={"b_c": "b c"}), SimpleNamespace(feature_names=["y", "b_c"]), _file(), **options
        )
