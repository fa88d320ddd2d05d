"""Explanations as tables for people and for files, and back.

Every text and byte string made here is a function of the numbers alone: the same explanation
gives the same files, so a second attempt replaces a first one unchanged.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.errors import DataError, UsageError
from interp_pipeline.explanation import Explanation
from interp_pipeline.readable import count, value_text, years_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.explanation import Cost, FloatArray
    from interp_pipeline.interactions import Interactions

__all__ = [
    "explanation_from_frame",
    "to_global_importance",
    "to_interaction_table",
    "to_local_table",
    "to_mlflow_json",
    "to_parquet_bytes",
]

_READ_AS_PANDAS = "2.0.0"  # the notes' form; without any, pandas reads them as those of its first releases
_ROW_ID = "row_id"
_MOST_PAIRS = 200  # in the table of interactions: a forest of 60 features has up to 1,770


def to_global_importance(shap: Explanation | None, lime: Explanation | None) -> pd.DataFrame:
    """The importance table: one row per feature, the most important first.

    Args:
        shap: SHAP values, or None.
        lime: LIME weights of the same features, or None.

    Returns:
        ``feature, mean_abs_shap, rank, mean_shap, std_error``, of the output a summary speaks
        about: MLflow's UI compares the second column. For several outputs these are averages over them, except that
        ``mean_shap`` is missing (averaged over classes it says nothing), and columns
        ``mean_abs_shap/<output>`` and ``mean_shap/<output>`` follow. From LIME
        ``lime_mean_abs_weight`` (before ``rank`` where it stands alone). Columns of an absent
        method are absent; SHAP decides the rank where there is one.

    Raises:
        UsageError: both are None, or they speak about different features.
    """
    main = _main(shap, lime)
    order = list(main.ranking)
    rank = np.arange(1, len(order) + 1)
    columns: dict[str, Any] = {
        "feature": [str(main.feature_names[j]) for j in order],
    }
    if shap is not None:
        outputs = shap.summary_outputs
        mean = shap.values.mean(axis=0)
        columns["mean_abs_shap"] = shap.importance[order]
        columns["rank"] = rank
        columns["mean_shap"] = mean[order, outputs[0]] if len(outputs) == 1 else np.full(len(order), np.nan)
        columns["std_error"] = shap.importance_std_error[order]
        for output in outputs if len(outputs) > 1 else ():
            name = shap.output_names[output]
            columns[f"mean_abs_shap/{name}"] = shap.mean_abs[order, output]
            columns[f"mean_shap/{name}"] = mean[order, output]
    if lime is not None:
        columns["lime_mean_abs_weight"] = lime.importance[order]
        columns.setdefault("rank", rank)
    return pd.DataFrame(columns)


def to_interaction_table(interactions: Interactions) -> pd.DataFrame:
    """The table of the strongest pairs of features: one row per pair that does anything together.

    Args:
        interactions: of a tree ensemble.

    Returns:
        ``feature_1, feature_2, mean_abs_interaction, rank, mean_interaction, share``, at most 200 rows, the
        strongest first, of the output a summary speaks about. An interaction is the whole joint effect of a
        pair; shares are of all main effects and all joint effects, by mean absolute size. For several
        outputs these are averages over them, except that ``mean_interaction`` is missing, and columns
        ``mean_abs_interaction/<output>`` and ``mean_interaction/<output>`` follow.
    """
    explanation = interactions.explanation
    pairs = interactions.ranking[:_MOST_PAIRS]
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    names, outputs, total = explanation.feature_names, explanation.summary_outputs, interactions.total
    sizes = interactions.strength[first, second]
    mean = interactions.mean[first, second]
    columns: dict[str, Any] = {
        "feature_1": [str(names[j]) for j in first],
        "feature_2": [str(names[j]) for j in second],
        "mean_abs_interaction": sizes,
        "rank": np.arange(1, len(pairs) + 1),
        "mean_interaction": mean[:, outputs[0]] if len(outputs) == 1 else np.full(len(pairs), np.nan),
        "share": sizes / total if total > 0 else sizes,
    }
    for output in outputs if len(outputs) > 1 else ():
        name = explanation.output_names[output]
        columns[f"mean_abs_interaction/{name}"] = interactions.mean_abs[first, second, output]
        columns[f"mean_interaction/{name}"] = mean[:, output]
    return pd.DataFrame(columns)


def to_local_table(row: int, shap: Explanation | None, lime: Explanation | None) -> pd.DataFrame:
    """One explained row: what each feature's value did to its prediction, the largest push first.

    Args:
        row: number of an explained row in the data set it came from, one of ``row_ids``.
        shap: SHAP values, or None.
        lime: LIME weights of the same rows and features, or None.

    Returns:
        ``feature, value`` (as text), ``shap`` and ``lime``: for the positive class, the target of a
        regression, or the class predicted for the row; for several classes ``shap/<class>``
        and ``lime/<class>`` follow. Columns of an absent method are absent.

    Raises:
        UsageError: that row was not explained, both are None, or they speak about different features.
    """
    main = _main(shap, lime)
    position = main.position(row)
    outputs = main.summary_outputs
    output = outputs[0] if len(outputs) == 1 else int(main.predictions[position].argmax())
    order = np.argsort(-np.abs(main.values[position, :, output]), kind="stable")
    cells = main.shown_data.iloc[position]
    columns: dict[str, Any] = {
        "feature": [str(main.feature_names[j]) for j in order],
        "value": [value_text(cells.iloc[j], year=years_in(main.data.iloc[:, j])) for j in order],
    }
    given = {name: one for name, one in (("shap", shap), ("lime", lime)) if one is not None}
    for name, one in given.items():
        columns[name] = one.values[position, order, output]
    for name, one in given.items():
        for k in outputs if len(outputs) > 1 else ():
            columns[f"{name}/{one.output_names[k]}"] = one.values[position, order, k]
    return pd.DataFrame(columns)


def _main(shap: Explanation | None, lime: Explanation | None) -> Explanation:
    """The explanation that decides order and names.

    Raises:
        UsageError: there is none, or the two do not belong together.
    """
    main = shap if shap is not None else lime
    if main is None:
        msg = "there is no explanation to make a table of: pass SHAP values, LIME weights or both"
        raise UsageError(msg)
    if shap is not None and lime is not None:
        same = shap.feature_names == lime.feature_names and shap.output_names == lime.output_names
        if not same or shap.row_ids != lime.row_ids:
            msg = f"{shap.method} and {lime.method} explain different rows, features or outputs: explain the same ones"
            raise UsageError(msg)
    return main


def to_mlflow_json(frame: pd.DataFrame) -> str:
    """A table in the JSON that MLflow's ``log_table`` writes and its UI shows as a table.

    Args:
        frame: any table; the index is dropped.

    Returns:
        ``{"columns": [...], "data": [[...], ...]}``: numbers with six significant digits, since the UI
        prints all there are; NaN and infinity as null, times as ISO 8601, everything else as text.
    """
    cells = [[_json_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    content = {"columns": [str(column) for column in frame.columns], "data": cells}
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _json_cell(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, np.generic):
        return _json_cell(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    if value is pd.NA or value is pd.NaT:
        return None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def to_parquet_bytes(frame: pd.DataFrame) -> bytes:
    """A table as a Parquet file that depends on nothing but its content.

    The index is kept where it is named ``row_id`` and comes back with ``pandas.read_parquet``;
    any other index is dropped. Library versions, which pandas would note in the file, are not
    written, and neither is ``frame.attrs``.

    Raises:
        DataError: a column cannot be stored, such as one that mixes numbers and text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = frame.copy(deep=False)
    table.attrs = {}
    keep = table.index.name == _ROW_ID
    try:
        arrow = pa.Table.from_pandas(table, preserve_index=keep)
    except (pa.ArrowException, ValueError, TypeError) as error:
        reason = " ".join(str(part) for part in error.args).replace("\n", " ")
        msg = f"the table cannot be written as Parquet: {reason}; give every column one name and one type"
        raise DataError(msg) from error
    notes = json.loads(arrow.schema.metadata[b"pandas"])
    notes.pop("creator", None)
    notes["pandas_version"] = _READ_AS_PANDAS
    arrow = arrow.replace_schema_metadata({b"pandas": json.dumps(notes, sort_keys=True).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def explanation_from_frame(
    table: pd.DataFrame,
    data: pd.DataFrame,
    *,
    output_unit: str,
    positive_class: str | None,
    method: str,
    seed: int,
    cost: Cost,
    details: Mapping[str, float] | None = None,
) -> Explanation:
    """The inverse of ``Explanation.to_frame``.

    Args:
        table: a value table of SHAP values or of LIME weights.
        data: the explained rows in the table's order, index: row ids, shape (n_rows, n_features).
        output_unit: what one unit of the model output is.
        positive_class: of a binary classifier, else None.
        method: name of the explainer.
        seed: the seed it was given.
        cost: what it took.
        details: further numbers of the method.

    Returns:
        The explanation the table was made of.

    Raises:
        DataError: the table does not belong to these rows, or lacks a column.
    """
    is_lime = "local_r2" in table.columns and "intercept" in table.columns
    outputs = _outputs(table, data)
    features = [str(name) for name in data.columns]

    def wide(prefix: str) -> FloatArray:
        columns = [f"{prefix}/{name}" for name in features]
        _require(table, columns)
        flat = table[columns].to_numpy(dtype=np.float64)
        cube = flat.reshape(len(data), len(outputs), len(features))
        return np.ascontiguousarray(cube.transpose(0, 2, 1))

    def narrow(column: str) -> FloatArray:
        _require(table, [column])
        return table[column].to_numpy(dtype=np.float64).reshape(len(data), len(outputs))

    estimated = not is_lime and bool(features) and f"std_error/{features[0]}" in table.columns
    return Explanation(
        values=wide("lime" if is_lime else "shap"),
        base_values=narrow("intercept" if is_lime else "base_value"),
        predictions=narrow("prediction"),
        data=data,
        output_names=outputs,
        output_unit=output_unit,
        positive_class=positive_class,
        method=method,
        seed=seed,
        cost=cost,
        details=dict(details or {}),
        std_errors=wide("std_error") if estimated else None,
        local_r2=narrow("local_r2") if is_lime else None,
    )


def _require(table: pd.DataFrame, columns: list[str]) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        msg = f"the value table lacks {', '.join(missing[:3])}: it was made of other features, or cut"
        raise DataError(msg)


def _outputs(table: pd.DataFrame, data: pd.DataFrame) -> tuple[str, ...]:
    """Names of the outputs, after checking that table and rows belong together."""
    _require(table, [_ROW_ID, "output"])
    n_outputs = len(table) // len(data) if len(data) else 0
    names = tuple(str(name) for name in table["output"].iloc[:n_outputs])
    ids = np.repeat(data.index.to_numpy(), n_outputs)
    fits = n_outputs > 0 and len(ids) == len(table)
    if not (fits and (table[_ROW_ID].to_numpy() == ids).all() and list(table["output"]) == list(names) * len(data)):
        lines, rows = count(len(table), "line"), count(len(data), "row")
        msg = f"the value table of {lines} does not belong to these {rows}: read both from one run"
        raise DataError(msg)
    return names
