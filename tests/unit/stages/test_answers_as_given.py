"""A model that tells every type, zone and kind of gap apart is asked about the rows as they were given."""

from __future__ import annotations

import base64
import dataclasses
import json
import warnings
import zlib
from datetime import date
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec
from mlflow.types import Schema as Columns

from interp_pipeline.config import ExplainConfig
from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.data.sources import read_table
from interp_pipeline.data.typed_rows import TypedRows
from interp_pipeline.errors import DataError, ModelError
from interp_pipeline.handover.table import read_table_file, write_table_file
from interp_pipeline.stages.answers_as_given import answers_as_given
from interp_pipeline.stages.fetch import types_in_training
from interp_pipeline.stages.rows.choose_rows import given_table
from interp_pipeline.tracking.models.load import ModelTables, load_model
from interp_pipeline.tracking.models.model_file import read_input_example, read_model_file

if TYPE_CHECKING:
    from pathlib import Path

    from interp_pipeline.tracking.models.load import LoadedModel

pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray that drops timezone")  # pyarrow's
URI = "models:/m/1"
HOURS = pd.Series(pd.date_range("2025-01-01", periods=24, freq="h"))


class Discerning(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow's own
    """Another number for another type, zone, unit, column name or kind of gap."""

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - MLflow reads them
        """A checksum of everything that can be seen of a row."""
        del context, params
        types = repr([(name, str(model_input[name].dtype)) for name in model_input.columns])
        cells = model_input.astype(object).to_numpy()
        seen = [repr((types, [(type(cell).__name__, str(cell)) for cell in row])) for row in cells]
        return np.array([zlib.crc32(each.encode()) / 2**32 for each in seen])


def _saved(folder: Path, specs: dict[Any, str] | None = None, example: pd.DataFrame | None = None) -> Path:
    columns = None if specs is None else ModelSignature(Columns([ColSpec(kind, name) for name, kind in specs.items()]))
    path = folder / "model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's advice for saving
        mlflow.pyfunc.save_model(
            str(path), python_model=Discerning(), signature=columns, input_example=example, pip_requirements=["mlflow"]
        )
    return path


def _loaded(path: Path, rows: pd.DataFrame, background: pd.DataFrame | None = None) -> LoadedModel:
    others = rows.iloc[::-1] if background is None else background
    return load_model(path, URI, ModelTables(rows=rows, background=others), ExplainConfig())


def _require_as_given(path: Path, rows: pd.DataFrame, given: pd.DataFrame) -> None:
    """What is explained is what MLflow serves for the rows as they were given."""
    loaded = _loaded(path, rows)
    answers, remarks = answers_as_given(loaded, URI)
    served = mlflow.pyfunc.load_model(str(path)).predict(given)
    assert remarks == ()
    assert list(answers) == list(served)
    found = loaded.parts.forward(loaded.parts.encode(loaded.parts.to_matrix(loaded.rows)))
    assert found[:, 0].tolist() == list(served)
    assert len(set(served)) > 1


TEXTS = pd.Series(["01234", "NA", "null", "True", "1e5", "nan", " ", "a,b"])
DECLARED: dict[str, tuple[str, pd.Series[Any]]] = {
    "hours": ("datetime", HOURS),
    "nanoseconds": ("datetime", HOURS + pd.Timedelta(1)),
    "before 1970": ("datetime", HOURS - pd.Timedelta(days=30_000)),
    "times with gaps": ("datetime", HOURS.where(HOURS.dt.hour > 2)),
    "texts": ("string", TEXTS),
    "texts with gaps": ("string", TEXTS.where(TEXTS != "null")),
    "whole numbers": ("long", pd.Series([2**60 + 1, 7, -(2**62)])),
    "small whole numbers": ("integer", pd.Series([1, 2], dtype="int32")),
    "fractions": ("double", pd.Series([0.1, np.nan, 1e300])),
    "single precision": ("float", pd.Series([0.1, 3], dtype="float32")),
    "truth": ("boolean", pd.Series([True, False])),
    "bytes": ("binary", pd.Series([b"a", b"\0\xff"], dtype=object)),
}
WAYS = ("frame", "csv", "parquet", "handover")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", DECLARED)
def test_declared_columns_arrive_in_any_way(tmp_path: Path, kind: str, way: str) -> None:
    declared, column = DECLARED[kind]
    frame = pd.DataFrame({"x": column, "n": np.arange(float(len(column)))})
    path = _saved(tmp_path, {"x": declared, "n": "double"})
    rows, given = _through(way, tmp_path, frame, path)
    _require_as_given(path, rows, given)
    values = rows["x"].astype(object).where(rows["x"].notna(), None).tolist()
    assert values == column.astype(object).where(column.notna(), None).tolist()


def _through(way: str, folder: Path, frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows as they come out of a way in, and as the user has them in hand."""
    if way == "csv":
        written = frame
        if frame["x"].map(type).eq(bytes).any():
            written = frame.assign(x=frame["x"].map(lambda cell: base64.b64encode(cell).decode()))
        written.to_csv(folder / "rows.csv", index=False)
        read = read_table(str(folder / "rows.csv"), declared=read_model_file(path, URI).types)
        return read, read
    if way == "parquet":
        frame.to_parquet(folder / "rows.parquet")
        return read_table(str(folder / "rows.parquet")), pd.read_parquet(folder / "rows.parquet")
    taken = given_table(frame, "rows to explain").frame
    return (_handed_over(folder, taken) if way == "handover" else taken), frame


def _handed_over(folder: Path, frame: pd.DataFrame) -> pd.DataFrame:
    described = write_table_file(folder / "rows.arrow", frame, "the rows")
    return read_table_file(folder / "rows.arrow", json.loads(json.dumps(described)))


FREE: dict[str, Any] = {
    "a zone": HOURS.dt.tz_localize("Europe/Berlin", nonexistent="shift_forward"),
    "seconds": HOURS.astype("datetime64[s]"),
    "the far future": pd.Series(np.array(["2500-01-01", "2600-01-01"], dtype="M8[s]")),
    "durations": pd.Series(pd.to_timedelta([1, 2, None], "h")),
    "days of Python": pd.Series([date(2024, 1, 1), date(2025, 1, 1), None], dtype=object),
    "two zones": pd.Series(
        [pd.Timestamp("2025-01-01 12:00", tz="UTC"), pd.Timestamp("2025-01-01 13:00", tz="Europe/Berlin")], dtype=object
    ),
    "kinds of gaps": pd.Series(["a", None, np.nan, pd.NA, pd.NaT], dtype=object),
    "kinds of ones": pd.Series([1, 1.0, True, "1", np.int64(1)], dtype=object),
    "nullable": pd.Series([1, None, 3], dtype="Int64"),
    "nullable and large": pd.Series([2**60 + 1, None, 3], dtype="Int64"),
    "nullable truth": pd.Series([True, None, False], dtype="boolean"),
    "Arrow numbers": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
    "Arrow texts": pd.Series(["a", None], dtype="string[pyarrow]"),
    "categories in another order": pd.Series(pd.Categorical(["b", "a", None], ["c", "b", "a"], ordered=True)),
    "large whole numbers": pd.Series([2**53 + 1, 5]),
}


@pytest.mark.parametrize("way", ["frame", "handover"])
@pytest.mark.parametrize("kind", FREE)
def test_columns_of_no_declared_type_arrive_as_they_are(tmp_path: Path, kind: str, way: str) -> None:
    frame = pd.DataFrame({"x": FREE[kind], "n": np.arange(float(len(FREE[kind])))})
    path = _saved(tmp_path)
    rows, given = _through(way, tmp_path, frame, path)
    _require_as_given(path, rows, given)


def test_an_input_example_arrives_as_mlflow_reads_it(tmp_path: Path) -> None:
    frame = pd.DataFrame({"when": HOURS + pd.Timedelta(1), "zip": TEXTS.reindex(range(24), fill_value="NA")})
    path = _saved(tmp_path, {"when": "datetime", "zip": "string"}, frame)
    rows = read_input_example(path)
    assert rows is not None
    assert rows["when"].tolist() == frame["when"].tolist()
    assert rows["zip"].tolist() == frame["zip"].tolist()
    _require_as_given(path, rows, rows)


@pytest.mark.parametrize("way", WAYS)
def test_whole_numbers_are_names(tmp_path: Path, way: str) -> None:
    frame = pd.DataFrame({0: [1.5, 2.5], 1: [3.0, 4.0]})
    path = _saved(tmp_path, {0: "double", 1: "double"})
    if way == "parquet":
        frame.to_parquet(tmp_path / "rows.parquet")
        rows = read_table(str(tmp_path / "rows.parquet"))
    elif way == "csv":
        frame.to_csv(tmp_path / "rows.csv", index=False)
        rows = read_table(str(tmp_path / "rows.csv"), declared=read_model_file(path, URI).types)
    else:
        rows = given_table(frame, "rows to explain").frame
        rows = _handed_over(tmp_path, rows) if way == "handover" else rows
    assert list(rows.columns) == ["0", "1"]
    _require_as_given(path, rows, frame)


def test_a_category_of_a_model_trained_here_is_a_name_in_a_file_of_digits(tmp_path: Path) -> None:
    feature = Feature(name="zip", kind="category", categories=("01234", "A1"))
    schema = Schema(features=(feature,), target="y", task="regression")
    (tmp_path / "rows.csv").write_text("zip,y\n01234,1\nNA,2\n")
    rows = read_table(str(tmp_path / "rows.csv"), declared=types_in_training(schema))
    codes = TypedRows(schema.to_dict()["features"]).to_matrix(rows)[:, 0]
    np.testing.assert_array_equal(codes, [0.0, np.nan])


def test_an_empty_name_is_a_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"": [1.5, 2.5], "self": [3.0, 4.0]})
    _require_as_given(_saved(tmp_path), frame, frame)


@pytest.mark.parametrize("what", ["rows to explain", "background data"])
def test_where_the_answers_differ_the_column_is_named(tmp_path: Path, what: str) -> None:
    path = _saved(tmp_path, {"when": "datetime", "n": "double"})
    rows = pd.DataFrame({"when": HOURS, "n": np.arange(24.0)})
    loaded = _loaded(path, rows)
    wrong = loaded.rows.assign(when=pd.to_datetime((HOURS - HOURS[0]) / pd.Timedelta(1, "D"), unit="D"))
    changed = dataclasses.replace(loaded, **{"rows" if what == "rows to explain" else "background": wrong})
    untyped = dataclasses.replace(changed, as_asked=lambda table: table)
    says = rf"^{URI}: for row (0|23) of the {what} the registered model answers [\d.]+ as it was given, and [\d.]+ as "
    says += "it would be explained: column 'when' was given as '2025-.*' of the type datetime.* and read as '1970-"
    with pytest.raises(ModelError, match=says):
        answers_as_given(untyped, URI)


def test_a_form_of_the_rows_that_the_served_model_refuses_is_not_explained(tmp_path: Path) -> None:
    path = _saved(tmp_path, {"x": "long"})
    loaded = _loaded(path, pd.DataFrame({"x": [1, 2]}))
    fractions = dataclasses.replace(loaded, as_asked=lambda table: table + 0.5)
    with pytest.raises(
        ModelError, match=r"and refuses it \(Incompatible input types for column x\. .* column 'x' was g"
    ):
        answers_as_given(fractions, URI)


def test_what_the_served_model_says_of_rows_it_refuses_is_told(tmp_path: Path) -> None:
    path = _saved(tmp_path, {"x": "double"})
    loaded = _loaded(path, pd.DataFrame({"x": [3, 4]}))
    answers, remarks = answers_as_given(loaded, URI)
    (remark,) = remarks
    assert remark == (
        "The registered model refuses the rows to explain as they were given (Incompatible input types for column x. "
        "Can not safely convert int64 to float64.); they are explained in the types that its signature declares."
    )
    assert list(answers) == list(mlflow.pyfunc.load_model(str(path)).predict(pd.DataFrame({"x": [3.0, 4.0]})))


def test_times_in_a_zone_are_refused_as_mlflow_refuses_them(tmp_path: Path) -> None:
    path = _saved(tmp_path, {"x": "datetime"})
    zoned = pd.DataFrame({"x": HOURS.dt.tz_localize("UTC")})
    with pytest.raises(Exception, match="timezone-naive"):
        mlflow.pyfunc.load_model(str(path)).predict(zoned)
    with pytest.raises(DataError, match="is in a time zone, where the model's signature declares times without one"):
        _loaded(path, zoned)
