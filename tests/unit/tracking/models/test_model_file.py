"""What is read from the files of a model before any of its code runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.errors import ModelError
from interp_pipeline.tracking.models.model_file import read_input_example, read_model_file

if TYPE_CHECKING:
    from pathlib import Path


def _write(folder: Path, flavors: dict[str, Any], signature: Any = None, metadata: Any = None) -> Path:
    from mlflow.models import Model

    model = Model(flavors={"python_function": {"loader_module": "none"}, **flavors}, signature=signature)
    model.metadata = metadata
    model.save(str(folder / "MLmodel"))
    return folder


def _signature(*specs: Any, outputs: Any = None) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema

    return ModelSignature(inputs=Schema(list(specs)), outputs=outputs)


@pytest.mark.parametrize(
    ("flavors", "expected"),
    [
        ({"sklearn": {}}, "sklearn"),
        ({"xgboost": {}}, "xgboost"),
        ({"lightgbm": {}}, "lightgbm"),
        ({"keras": {}}, "keras"),
        ({"tensorflow": {"model_type": "keras"}}, "keras"),
        ({"tensorflow": {"model_type": "tf2-module"}}, "python_function"),
        ({"keras": {"save_exported_model": True}}, "python_function"),
        ({"catboost": {}}, "catboost"),
        ({"prophet": {}}, "python_function"),
        ({}, "python_function"),
    ],
)
def test_the_flavor_is_the_library_that_is_known_here(tmp_path: Path, flavors: Any, expected: str) -> None:
    file = read_model_file(_write(tmp_path, flavors), "models:/m/1")
    assert (file.flavor, file.own, file.columns, file.width) == (expected, None, (), None)


def test_what_our_trainers_wrote_is_known_by_it(tmp_path: Path) -> None:
    path = _write(tmp_path, {}, metadata={"interp": {"kind": "keras", "task": "binary"}})
    assert read_model_file(path, "models:/m/1").own == {"kind": "keras", "task": "binary"}


def test_columns_and_outputs_come_from_the_signature(tmp_path: Path) -> None:
    from mlflow.types.schema import AnyType, ColSpec, DataType, Schema

    types = [DataType.integer, DataType.long, DataType.float, DataType.double, DataType.boolean, DataType.string]
    anything: Any = AnyType()
    specs = [ColSpec(kind, f"c{i}") for i, kind in enumerate([*types, DataType.datetime, anything])]
    signature = _signature(*specs, outputs=Schema([ColSpec(DataType.double, "price")]))
    file = read_model_file(_write(tmp_path, {}, signature), "models:/m/1")
    found = [column.dtype for column in file.columns]
    assert found == ["int32", "int64", "float32", "float64", "boolean", "text", "datetime", "any"]
    assert [column.name for column in file.columns] == [f"c{i}" for i in range(8)]
    assert file.outputs == ("price",)


def test_outputs_that_are_lists_or_sections_say_nothing_of_classes(tmp_path: Path) -> None:
    from mlflow.types.schema import Array, ColSpec, DataType, Object, Property, Schema

    kinds = Array(DataType.double), Object([Property("score", DataType.double)])
    for i, kind in enumerate(kinds):
        (tmp_path / str(i)).mkdir()
        signature = _signature(ColSpec(DataType.double, "a"), outputs=Schema([ColSpec(kind)]))
        assert read_model_file(_write(tmp_path / str(i), {}, signature), "models:/m/1").outcomes == "unknown"


def test_a_column_may_be_left_out_where_the_signature_says_so(tmp_path: Path) -> None:
    from mlflow.types.schema import ColSpec, DataType

    specs = [ColSpec(DataType.double, name, required=name != "z") for name in ("z", "a")]
    file = read_model_file(_write(tmp_path, {}, _signature(*specs)), "models:/m/1")
    assert file.optional == {"z"}
    rows = pd.DataFrame({"a": [1.0]})
    assert [column.name for column in file.columns_in(rows)] == ["a"]
    assert [column.name for column in file.columns_in(rows.assign(z=2.0))] == ["z", "a"]
    assert list(file.labelled(rows).columns) == ["a"]


def test_a_tensor_says_its_type_and_width(tmp_path: Path) -> None:
    from mlflow.types.schema import TensorSpec

    file = read_model_file(_write(tmp_path, {}, _signature(TensorSpec(np.dtype("float32"), (-1, 7)))), "models:/m/1")
    assert (file.columns, file.dtype, file.width) == ((), "float32", 7)


def test_inputs_that_are_no_table_are_refused_by_name(tmp_path: Path) -> None:
    from mlflow.types.schema import Array, ColSpec, DataType, TensorSpec

    image = TensorSpec(np.dtype("float32"), (-1, 28, 28))
    two = [TensorSpec(np.dtype("float32"), (-1, -1), name) for name in ("left", "right")]
    cases: list[tuple[list[Any], str]] = [
        ([image], "takes tensors of shape (-1, 28, 28), and only models of tables"),
        (two, "takes 2 inputs, and its signature leaves open how many columns 'left' has"),
        ([ColSpec(Array(DataType.double), "series")], "declares column 'series' as Array(double)"),
    ]
    for specs, says in cases:
        with pytest.raises(ModelError) as caught:
            read_model_file(_write(tmp_path, {}, _signature(*specs)), "models:/m/1")
        assert says in str(caught.value)


def test_named_tensors_are_columns_where_each_is_one(tmp_path: Path) -> None:
    from mlflow.types.schema import TensorSpec

    kinds = {"age": "float32", "rooms": "int64", "zone": "str"}
    specs = [TensorSpec(np.dtype(kind), (-1, 1), name) for name, kind in kinds.items()]
    file = read_model_file(_write(tmp_path, {}, _signature(*specs)), "models:/m/1")
    assert [(column.name, column.dtype) for column in file.columns] == [
        ("age", "float32"),
        ("rooms", "int64"),
        ("zone", "text"),
    ]
    assert [(each.name, each.dtype) for each in file.tensors] == [
        ("age", "float32"),
        ("rooms", "int64"),
        ("zone", "string"),
    ]
    wide = [TensorSpec(np.dtype("float32"), (-1, 2), "pair"), TensorSpec(np.dtype("float32"), (-1,), "one")]
    file = read_model_file(_write(tmp_path, {}, _signature(*wide)), "models:/m/1")
    assert (file.columns, file.width) == ((), 3)
    assert [(each.width, each.is_vector) for each in file.tensors] == [(2, False), (1, True)]


def test_a_model_that_cannot_be_called_and_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors:\n  spark: {}\n")
    with pytest.raises(ModelError, match="has the flavors spark and no python_function"):
        read_model_file(tmp_path, "models:/m/1")
    (tmp_path / "MLmodel").write_text("{{")
    with pytest.raises(ModelError, match="its MLmodel file is damaged"):
        read_model_file(tmp_path, "models:/m/1")


@pytest.mark.filterwarnings("ignore:(?s).*integer column:UserWarning")
def test_an_input_example_counts_where_its_columns_have_names(tmp_path: Path) -> None:
    import mlflow
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 1.0, 2.0]})
    model = LinearRegression().fit(frame, [1, 2, 3])
    options = {"serialization_format": "skops", "pip_requirements": ["mlflow"]}
    for name, example in (("table", frame), ("array", frame.to_numpy()), ("none", None)):
        mlflow.sklearn.save_model(model, str(tmp_path / name), input_example=example, **options)
    found = read_input_example(tmp_path / "table")
    assert found is not None
    pd.testing.assert_frame_equal(found, frame)
    assert read_input_example(tmp_path / "array") is None
    assert read_input_example(tmp_path / "none") is None


def test_a_file_that_would_take_all_memory_is_not_read(tmp_path: Path) -> None:
    bomb = ["a0: &a0 {x: 1}"] + [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 30)]
    for text in ("\n".join(bomb), "a: &a {x: 1}\nb: {!!merge k: *a}\n"):
        (tmp_path / "MLmodel").write_text(text)
        with pytest.raises(ModelError, match=r"its MLmodel file is damaged \(it merges sections by <<"):
            read_model_file(tmp_path, "models:/m/1")
    with (tmp_path / "MLmodel").open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(ModelError, match=r"its MLmodel file is damaged \(it has more than 16 MiB"):
        read_model_file(tmp_path, "models:/m/1")


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "flavors: [python_function]",
        "flavors: {python_function: {}, keras: 3}",
        "flavors: {python_function: {}}\nsignature: {inputs: 'no json'}",
        "flavors: {python_function: {}}\nsignature: {inputs: '" + "[" * 5000 + "'}",
        "a: " * 3000,
        "!!python/object/apply:os.system ['true']",
        "flavors: {3: {}, python_function: {}}",
        "flavors: {? [a, b] : {}, python_function: {}}",
        "",
    ],
)
def test_whatever_the_file_holds_it_is_damaged_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(ModelError, match=r"^models:/m/1: its MLmodel file is damaged ") as caught:
        read_model_file(tmp_path, "models:/m/1")
    assert "\n" not in str(caught.value)


def test_the_file_cannot_make_mlflow_open_another_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # whoever opened it would wait for ever
    (tmp_path / "MLmodel").write_text(f"flavors: {{python_function: {{}}}}\nresources: {tmp_path / 'pipe'}\n")
    assert read_model_file(tmp_path, "models:/m/1").flavors == ("python_function",)


@pytest.mark.parametrize("own", ["x", 3, ["kind"], {"kind": "keras"}, {"kind": ["keras"], "task": "binary"}, {"a": 1}])
def test_what_only_looks_like_ours_is_not_ours(tmp_path: Path, own: Any) -> None:
    assert read_model_file(_write(tmp_path, {}, metadata={"interp": own}), "models:/m/1").own is None


_EXAMPLE = '{"columns": ["a"], "data": [[1.0]]}'


def _with_example(folder: Path, info: Any, **fields: Any) -> Path:
    import json

    folder.mkdir()
    content = {"flavors": {"python_function": {}}, "saved_input_example_info": info, **fields}
    (folder / "MLmodel").write_text(json.dumps(content))
    return folder


def test_an_input_example_is_only_read_from_the_models_own_files(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(_EXAMPLE)
    for number, name in enumerate(["../secret.json", str(tmp_path / "secret.json"), "link.json", "gone.json", 3, "."]):
        folder = _with_example(tmp_path / str(number), {"type": "dataframe", "artifact_path": name})
        (folder / "link.json").symlink_to(tmp_path / "secret.json")
        with pytest.raises(ModelError, match=r"^is not among its files$"):
            read_input_example(folder)


def test_a_damaged_or_large_input_example_is_none(tmp_path: Path) -> None:
    info = {"type": "dataframe", "artifact_path": "e.json"}
    folder = _with_example(tmp_path / "m", info, load_input_example="no method any more")
    (folder / "e.json").write_text(_EXAMPLE)
    found = read_input_example(folder, max_bytes=1000)
    assert found is not None
    assert found["a"].tolist() == [1.0]
    with pytest.raises(ModelError, match=r"^is larger than 0 MiB$"):
        read_input_example(folder, max_bytes=10)
    for text in ("{", "[1]", '{"data": 1}', "[" * 5000, "\x00"):
        (folder / "e.json").write_text(text)
        with pytest.raises(ModelError, match=r"^is damaged "):
            read_input_example(folder)
    for number, other in enumerate([None, "x", {"type": "sparse_matrix_csr"}, {"type": 1}]):
        assert read_input_example(_with_example(tmp_path / str(number), other)) is None
