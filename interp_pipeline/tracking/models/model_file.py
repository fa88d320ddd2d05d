"""What the files of a model say about it, read before any of its code runs: flavor, columns, input example."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

from interp_pipeline.config import ModelKind
from interp_pipeline.data.declared import DeclaredColumn, DeclaredTypes
from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.errors import ModelError
from interp_pipeline.models.tensor_inputs import TEXT, TensorInput
from interp_pipeline.tracking.bounded_parsing import parse_yaml
from interp_pipeline.tracking.server.translate_errors import first_line

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from mlflow.models import Model

    from interp_pipeline.data.declared import DeclaredType
    from interp_pipeline.data.outcomes import OutcomeKind

__all__ = ["Flavor", "ModelFile", "describe_model", "read_input_example", "read_model_file"]

Flavor: TypeAlias = Literal["sklearn", "keras", "xgboost", "lightgbm", "catboost", "python_function"]

# By MLflow's name of the flavor; any other model is called through its python_function.
_FLAVORS: Mapping[str, Flavor] = {
    "sklearn": "sklearn",
    "keras": "keras",
    "tensorflow": "keras",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
}
_TYPES: Mapping[str, DeclaredType] = {
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "boolean": "boolean",
    "datetime": "datetime",
    "string": "text",
    "binary": "binary",
}
_LARGEST_FILE = 16 * 2**20  # bytes of an MLmodel file; the widest tables need a few of them
_READ = ("flavors", "signature", "saved_input_example_info", "metadata")
_TABLE = 2  # axes of a tensor that is a table: rows and columns


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """The ``MLmodel`` file of a version, as far as explaining needs it."""

    own: Mapping[str, str] | None  # what our trainers wrote: kind and task; None: a model of someone else's
    flavor: Flavor  # as which it is explained
    flavors: tuple[str, ...]  # all of MLflow's names it can be loaded as
    columns: tuple[DeclaredColumn, ...]  # of a signature that names them; empty: it does not
    dtype: DeclaredType  # of a tensor without column names
    width: int | None  # number of its columns; None: not said
    outputs: tuple[str, ...]  # names of the signature's outputs; empty: it has none
    tensors: tuple[TensorInput, ...] = ()  # inputs of a signature that names tensors; empty: it does not
    outcomes: OutcomeKind = "unknown"  # what the type of its only output says

    @property
    def types(self) -> DeclaredTypes:
        """What the signature says of columns by their names."""
        return DeclaredTypes(by_name={column.name: column.dtype for column in self.columns}, others=self.dtype)

    @property
    def names(self) -> list[str]:
        """The columns that its signature names."""
        return [column.name for column in self.columns]

    @property
    def optional(self) -> frozenset[str]:
        """Columns that rows may lack: MLflow serves them without."""
        return frozenset(column.name for column in self.columns if not column.required)

    def columns_in(self, rows: pd.DataFrame) -> tuple[DeclaredColumn, ...]:
        """The declared columns that the model takes of a table: all, but for optional ones it lacks."""
        return tuple(column for column in self.columns if column.required or column.name in rows.columns)

    def labelled(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table of the model's columns, in its order, under the labels the model has for them, texts or not."""
        labels = {column.name: column.label for column in self.columns}
        if not labels or None in labels.values():
            return table
        return table.set_axis([labels[name] for name in table.columns], axis="columns")


def read_model_file(path: Path, uri: str) -> ModelFile:
    """Read the ``MLmodel`` file. No code of the model runs, whatever the file says.

    Args:
        path: the folder it lies in.
        uri: what the model is called in messages.

    Raises:
        ModelError: the file is damaged, the model cannot be called from Python, or its input is no table.
    """
    try:
        model = _load(path)
    except Exception as error:  # YAML that is cut off fails in many ways
        raise _damaged(uri, error) from error
    return describe_model(model, uri)


def describe_model(model: Model, uri: str) -> ModelFile:
    """What the content of an ``MLmodel`` file says, of a model that is loaded already, say.

    Raises:
        ModelError: as for ``read_model_file``.
    """
    try:
        flavors = set(model.flavors)
        flavor = _flavor(model)
        signature = model.signature
        inputs, outputs = (signature.inputs, signature.outputs) if signature is not None else (None, None)
        names = tuple(str(name) for name in outputs.input_names()) if outputs is not None else ()
    except Exception as error:  # nor need YAML that can be read be what MLflow writes
        raise _damaged(uri, error) from error
    if "python_function" not in flavors:
        msg = (
            f"{uri} has the flavors {', '.join(sorted(flavors)) or 'none'} and no python_function, so it cannot be "
            "asked for predictions; log it with a flavor of MLflow that can be served"
        )
        raise ModelError(msg)
    columns, dtype, width = _inputs(inputs, uri)
    tensors = _tensors(inputs, uri)
    return ModelFile(
        own=_own(model.metadata),
        flavor=flavor,
        flavors=tuple(sorted(flavors)),
        columns=columns,
        dtype=dtype,
        width=width,
        outputs=names,
        tensors=tensors,
        outcomes=_outcomes(outputs),
    )


def _damaged(uri: str, error: Exception) -> ModelError:
    return ModelError(f"{uri}: its MLmodel file is damaged ({first_line(error)}); restore it, or train the model again")


def _load(path: Path) -> Model:
    """The content of an ``MLmodel`` file, which may be anybody's, as far as it is read here.

    MLflow is given nothing else of it: a text under ``resources``, say, it would open as a file of this machine.

    Raises:
        ValueError: it is no YAML, of another form than MLflow writes, or goes beyond a limit.
    """
    from mlflow.models import Model

    file = path / "MLmodel"
    if file.stat().st_size > _LARGEST_FILE:
        msg = f"it has more than {_LARGEST_FILE >> 20} MiB"
        raise ValueError(msg)
    content = parse_yaml(file.read_text(encoding="utf-8"))
    if not isinstance(content, Mapping):
        msg = "it has no sections"
        raise ValueError(msg)  # noqa: TRY004 - a damaged file, as all that is wrong with it
    flavors = content.get("flavors", {})
    if not isinstance(flavors, Mapping):
        msg = "its section flavors is none"
        raise ValueError(msg)  # noqa: TRY004
    for name, flavor in flavors.items():
        if not isinstance(name, str) or not isinstance(flavor, Mapping):
            msg = f"its flavor {str(name)[:80]!r} is not a text with a section"
            raise ValueError(msg)  # noqa: TRY004
    return Model.from_dict({name: content[name] for name in _READ if name in content})


def _own(metadata: Any) -> Mapping[str, str] | None:
    """What our trainers write; others may keep something else under the same name."""
    own = metadata.get("interp") if isinstance(metadata, Mapping) else None
    if isinstance(own, Mapping) and own.get("kind") in get_args(ModelKind) and isinstance(own.get("task"), str):
        return {str(name): str(value) for name, value in own.items()}
    return None


def _flavor(model: Model) -> Flavor:
    found = [known for name, known in _FLAVORS.items() if name in model.flavors]
    exported = model.flavors.get("keras", {}).get("save_exported_model", False)
    plain_tensorflow = model.flavors.get("tensorflow", {}).get("model_type", "keras") != "keras"
    if not found or exported or plain_tensorflow:  # the last two hold a graph, which only MLflow's wrapper can call
        return "python_function"
    return found[0]


def _inputs(schema: Any, uri: str) -> tuple[tuple[DeclaredColumn, ...], DeclaredType, int | None]:
    """Columns, or type and number of those of a table without names."""
    if schema is None or not schema.inputs:
        return (), "any", None
    if schema.is_tensor_spec():
        return _tensor(schema, uri)
    if not schema.has_input_names():
        kinds = {_declared_type(spec, uri) for spec in schema.inputs}
        return (), (kinds.pop() if len(kinds) == 1 else "any"), len(schema.inputs)
    columns = tuple(
        DeclaredColumn(
            name=name_of(spec.name),
            dtype=_declared_type(spec, uri),
            label=spec.name,
            required=spec.required is not False,
        )
        for spec in schema.inputs
    )
    twice = [name for name, count in Counter(column.name for column in columns).items() if count > 1]
    if twice:
        msg = f"{uri} declares more than one column that prints as {twice[0]!r}; register it with names of their own"
        raise ModelError(msg)
    return columns, "any", None


def _tensor(schema: Any, uri: str) -> tuple[tuple[DeclaredColumn, ...], DeclaredType, int | None]:
    """Columns of a signature of tensors: of several inputs those of one column each, which are called like them."""
    if len(schema.inputs) > 1:
        tensors = _tensors(schema, uri)
        if all(each.width == 1 for each in tensors):
            columns = tuple(
                DeclaredColumn(name=each.name, dtype="text" if each.dtype == TEXT else _tensor_type(spec))
                for each, spec in zip(tensors, schema.inputs, strict=True)
            )
            return columns, "any", None
        return (), "any", sum(each.width for each in tensors)
    spec = schema.inputs[0]
    _require_table(spec, uri)
    width = 1 if len(spec.shape) < _TABLE else None if spec.shape[1] < 0 else math.prod(spec.shape[1:])
    return (), _tensor_type(spec), width


def _tensors(schema: Any, uri: str) -> tuple[TensorInput, ...]:
    """The inputs of a signature that names tensors; empty for any other, and where the width of its one is open."""
    if schema is None or not schema.inputs or not schema.is_tensor_spec() or not schema.has_input_names():
        return ()
    found = []
    for spec in schema.inputs:
        _require_table(spec, uri)
        is_vector = len(spec.shape) < _TABLE
        if not is_vector and spec.shape[1] < 0:
            if len(schema.inputs) == 1:
                return ()
            msg = (
                f"{uri} takes {len(schema.inputs)} inputs, and its signature leaves open how many columns "
                f"{spec.name!r} has; register it with a signature that says so"
            )
            raise ModelError(msg)
        dtype = TEXT if spec.type.kind in "OUST" else spec.type.name
        width = 1 if is_vector else int(spec.shape[1])
        found.append(TensorInput(name=str(spec.name), width=width, dtype=dtype, is_vector=is_vector))
    return tuple(found)


def _require_table(spec: Any, uri: str) -> None:
    if len(spec.shape) > _TABLE:
        shape = tuple(spec.shape)
        msg = f"{uri} takes tensors of shape {shape}, and only models of tables (rows, columns) can be explained"
        raise ModelError(msg)


def _tensor_type(spec: Any) -> DeclaredType:
    named: Mapping[str, DeclaredType] = {
        "b": "boolean",
        "f4": "float32",
        "f8": "float64",
        "i4": "int32",
        "i8": "int64",
    }
    return named.get("b" if spec.type.kind == "b" else spec.type.str.lstrip("<>=|"), "any")


def _outcomes(schema: Any) -> OutcomeKind:
    """What the type of a signature's only output says: fractions are numbers; whole numbers may be classes too."""
    from mlflow.types.schema import DataType

    if schema is None or len(schema.inputs) != 1 or schema.is_tensor_spec():
        return "unknown"
    kind = schema.inputs[0].type  # of a list or a section it is no DataType, and cannot be hashed
    if kind in (DataType.float, DataType.double):
        return "numbers"
    return "classes" if kind in (DataType.string, DataType.boolean) else "unknown"


def _declared_type(spec: Any, uri: str) -> DeclaredType:
    from mlflow.types.schema import AnyType, DataType

    if isinstance(spec.type, AnyType):
        return "any"
    name = spec.type.name if isinstance(spec.type, DataType) else str(spec.type)
    if name not in _TYPES:
        msg = (
            f"{uri} declares column {spec.name!r} as {name}, and only tables of single values can be explained; "
            "register a model that takes such a table"
        )
        raise ModelError(msg)
    return _TYPES[name]


def read_input_example(path: Path, max_bytes: int | None = None) -> pd.DataFrame | None:
    """The input example a model was logged with, where it is a table with named columns.

    Args:
        path: folder with the ``MLmodel`` file.
        max_bytes: how large its file may be; None: no limit.

    Raises:
        ModelError: it is damaged, too large, or none of the model's files; the message says so, as it follows
            "its input example".
    """
    import pandas as pd
    from mlflow.models import Model

    model = _load(path)
    info = model.saved_input_example_info
    if not isinstance(info, Mapping) or info.get("type") != "dataframe":
        return None  # none, or an array, whose columns nothing names
    name = info.get("artifact_path")
    file = path / name if isinstance(name, str) else path
    if not file.resolve().is_relative_to(path.resolve()) or not file.is_file():
        msg = "is not among its files"
        raise ModelError(msg)
    if max_bytes is not None and file.stat().st_size > max_bytes:
        msg = f"is larger than {max_bytes >> 20} MiB"
        raise ModelError(msg)
    try:
        example = Model.load_input_example(model, str(path))
    except Exception as error:  # whatever JSON of no certain form leads to
        msg = f"is damaged ({first_line(error)[:200]})"
        raise ModelError(msg) from error
    if not isinstance(example, pd.DataFrame):
        return None
    return cast("pd.DataFrame", example.reset_index(drop=True).rename(columns=name_of))
