"""Which rows of a version are explained and which stand for "unknown": chosen by a written order, and said.

Tables that the caller gives, or else that somebody declared for the version (in its tags, its model's or the
configuration), come before everything that was logged, for they are an explicit wish. A version trained here has
both in its run besides. For any other version the rows are, by the first that there is,

1. those given or declared;
2. those logged with the run under the names our training uses;
3. a data set input of the run whose source can be read again, a test set before a training set;
4. the model's input example, from 20 rows on;

and the background is what was given or declared as such, what was logged with the run under the name our training
uses, or else drawn from the rows' own table, if that was given or declared and has 20 rows or more; then 3 and 4, a
training set before a test set, then the rows' own table in any case: of fewer than 20 rows only for methods that use a
background for nothing but to prove that the model was read right. Rows and background of one table are kept
apart where it has enough rows for both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp_pipeline.addresses import shown_address, without_secrets
from interp_pipeline.data.background import select_background, select_rows
from interp_pipeline.data.outcomes import kind_of_outcomes
from interp_pipeline.data.sources import read_table
from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.errors import DataError, InterpError, UsageError
from interp_pipeline.explainers.registry import needs_background
from interp_pipeline.plain_text import shown
from interp_pipeline.readable import count
from interp_pipeline.stages.rows.logged_tables import Search, Table
from interp_pipeline.tracking.models.feature_names import require_columns
from interp_pipeline.tracking.sources.named_table import read_named_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.data.declared import DeclaredTypes
    from interp_pipeline.data.outcomes import OutcomeKind
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.sources.policy import SourcePolicy

__all__ = [
    "Chosen",
    "Given",
    "background_remark",
    "choose_rows",
    "declared_table",
    "drawn_from",
    "given_table",
    "rows_in_words",
    "rows_to_explain",
]

_EXAMPLES = 5  # of row numbers, in a message


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What the caller gives or somebody declared; None: to be found."""

    rows: Table | None
    background: Table | None
    target: str | None  # name of the target column, where known
    types: DeclaredTypes  # what the model says of columns
    row_ids: tuple[int, ...] = ()  # rows asked for by their numbers; empty: drawn
    optional: frozenset[str] = frozenset()  # features that rows may lack, if the background lacks them too


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """Rows and background of a version that was not trained here."""

    rows: pd.DataFrame  # with the model's features among the columns, index: row ids
    rows_source: str
    background: pd.DataFrame
    background_source: str
    outcomes: pd.Series[Any] | None  # true values of the target, by row id, where known
    remarks: tuple[str, ...]
    outcome_kind: OutcomeKind = "unknown"  # what they are, by all rows of their table
    columns: frozenset[str] = frozenset()  # of the tables that both were drawn from, where names have to be looked up


def given_table(
    data: str | pd.DataFrame, what: str, source: str | None = None, types: DeclaredTypes | None = None
) -> Table:
    """A table a caller gives: a path, an address or a frame, whose columns are called by what their labels print as.

    Args:
        data: where it is, or itself.
        what: what it is for, in messages: "rows to explain".
        source: what it is called in sentences; None: its path, or "the given frame".
        types: what the model says of its columns: the cells of a CSV file have no types.

    Raises:
        UsageError: it is nothing of this kind, does not exist, or is empty.
        DataError: it cannot be read as a table, or has two columns of one name.
        TrackingError: the storage does not answer.
    """
    if isinstance(data, str):
        return Table(frame=read_table(data, declared=types), source=source or without_secrets(data))
    import pandas as pd

    if not isinstance(data, pd.DataFrame):
        msg = (
            f"the {what} must be a pandas DataFrame, or the path or address of a table as a text, "
            f"not {type(data).__name__}; an array becomes one by pandas.DataFrame(array, columns=names)"
        )
        raise UsageError(msg)
    if data.empty:
        msg = f"the frame of {what} is empty"
        raise UsageError(msg)
    return Table(frame=_numbered(_named(data, what)), source=source or "the given frame")


def declared_table(
    client: MlflowClient,
    version: RegisteredVersion,
    address: str,
    named_by: str,
    types: DeclaredTypes,
    policy: SourcePolicy | None,
) -> Table:
    """A table that somebody declared for a version.

    Args:
        client: the connection.
        version: the version.
        address: of the table.
        named_by: who declared it, as ``Declared`` has it.
        types: what the model says of its columns.
        policy: what may be read; None: whatever the credentials at hand open.

    Raises:
        UsageError: there is nothing at the address, or it cannot be read as a table.
        SourceRefusedError: the policy forbids it.
        TrackingError: the server or storage does not answer.
    """
    source = f"the table that {named_by} names ({shown_address(address)})"
    try:
        return Table(frame=read_named_table(client, address, version, types, policy), source=source)
    except InterpError as error:
        msg = f"{version.uri}: {source} cannot be read: {error}"
        raise type(error)(msg) from error


def _named(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """The frame with texts for column labels, as files have them: the columns of an array are 0, 1, 2."""
    names = [name_of(label) for label in frame.columns]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        columns = ", ".join(shown(name) for name in twice)
        msg = f"the frame of {what}: columns that occur more than once: {columns}; rename or remove them"
        raise DataError(msg)
    return frame if names == list(frame.columns) else frame.set_axis(names, axis="columns")


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows under whole numbers, by which tables know them: the caller's own where they are distinct such."""
    from pandas.api.types import is_integer_dtype

    return rows if is_integer_dtype(rows.index.dtype) and rows.index.is_unique else rows.reset_index(drop=True)


def choose_rows(
    client: MlflowClient,
    version: RegisteredVersion,
    model_path: Path,
    names: Sequence[str],
    config: ExplainConfig,
    given: Given,
    policy: SourcePolicy | None,
    progress: Progress,
) -> Chosen:
    """Choose rows and background for a version that was not trained here, by the order at the top.

    Args:
        client: the connection.
        version: which version.
        model_path: folder with its files.
        names: the model's features; empty where only the loaded model knows them.
        config: how many rows, and the seed.
        given: what the caller gives or somebody declared.
        policy: what may be read; None: whatever the credentials at hand open.
        progress: is told what was passed over.

    Raises:
        NoDataError: there are no rows, or nothing that could stand for "unknown"; the message says what to add.
        SourceRefusedError: what was logged with the run is too large.
        UsageError: what was given lacks a column.
        TrackingError: the server or a storage does not answer.
    """
    needed = [name for name in names if name not in given.optional]
    search = Search(client, version, model_path, needed, given.types, policy, progress)
    target = given.target
    table = given.rows or search.rows()
    source = given.background or search.background(
        table, table_given=given.rows is not None, any_will_do=not needs_background(config.methods)
    )
    for each in (table, source):
        require_columns(each.frame, needed, each.source, version.uri)
    names = [name for name in names if name in {*needed, *table.frame.columns, *source.frame.columns}]
    _require_in_both(table, source, names, version.uri)
    rows = rows_to_explain(table, config, given.row_ids)
    chosen, where = _background(source, table, rows, config)
    return Chosen(
        rows=_features(rows, names, target),
        rows_source=rows_in_words(table, given.row_ids),
        background=_features(chosen, names, target),
        background_source=where,
        outcomes=rows[target] if target is not None and target in rows.columns else None,
        outcome_kind=kind_of_outcomes(table.frame[target]) if target in table.frame.columns else "unknown",
        remarks=(
            _explained_remark(rows, table, given.row_ids),
            background_remark(chosen, source, where, config),
        ),
        columns=frozenset([*table.frame.columns, *source.frame.columns]),
    )


def _require_in_both(table: Table, source: Table, names: Sequence[str], uri: str) -> None:
    """Refuse an optional column that only one of rows and background has: a masked row needs a value for it.

    Raises:
        UsageError: there is one, with its name.
    """
    for each, other in ((table, source), (source, table)):
        lacking = [name for name in names if name not in each.frame.columns]
        if lacking:
            msg = (
                f"{each.source} lacks column {lacking[0]!r}, which {uri} takes as optional and {other.source} has; "
                "give it in both, with missing values where they are not known, or in neither"
            )
            raise UsageError(msg)


def rows_to_explain(table: Table, config: ExplainConfig, row_ids: Sequence[int]) -> pd.DataFrame:
    """Rows of a table: those asked for by number; without any, a sample.

    Args:
        table: with unique row numbers as its index.
        config: how many at most, and the seed.
        row_ids: numbers of the rows that were asked for.

    Raises:
        UsageError: the table has no row of such a number.
    """
    if not row_ids:
        return select_rows(table.frame, config.rows, config.seed)
    numbers = table.frame.index
    unknown = [number for number in row_ids if number not in numbers]
    if unknown:
        some = ", ".join(str(number) for number in sorted(numbers)[:_EXAMPLES])
        more = ", …" if len(numbers) > _EXAMPLES else ""
        msg = f"{table.source} has no row {unknown[0]}; its rows have the numbers {some}{more}"
        raise UsageError(msg)
    return table.frame.loc[sorted(set(row_ids))]


def rows_in_words(table: Table, row_ids: Sequence[int]) -> str:
    """Where the rows come from, and which they are where they were asked for by number."""
    if not row_ids:
        return table.source
    numbers = ", ".join(str(number) for number in sorted(set(row_ids)))
    return f"{'row' if len(set(row_ids)) == 1 else 'rows'} {numbers} of {table.source}"


def _explained_remark(rows: pd.DataFrame, table: Table, row_ids: Sequence[int]) -> str:
    which = rows_in_words(table, row_ids) if row_ids else f"{count(len(rows), 'row')} of {table.source}"
    return f"Explained here: {which}."


def _features(frame: pd.DataFrame, names: Sequence[str], target: str | None) -> pd.DataFrame:
    """The features; where their names are known only to the loaded model, all columns but the target."""
    return frame[list(names)] if names else frame.drop(columns=[target] if target in frame.columns else [])


def _background(source: Table, table: Table, rows: pd.DataFrame, config: ExplainConfig) -> tuple[pd.DataFrame, str]:
    """Background rows, beside the explained ones where both are of one table, and where they come from."""
    n, seed = config.background_rows, config.seed
    if source.frame is not table.frame:
        chosen = select_background(source.frame, n, seed)
        return chosen, drawn_from(chosen, source)
    others = table.frame.drop(index=rows.index)
    if len(others) >= n:
        chosen = select_background(others, n, seed)
        return chosen, f"{drawn_from(chosen, source)}, none of them explained"
    everyone = select_background(table.frame, n, seed)
    return (
        everyone,
        f"{drawn_from(everyone, source)}, some of them explained too, for it has only {count(len(table.frame), 'row')}",
    )


def drawn_from(chosen: pd.DataFrame, table: Table) -> str:
    """Where rows come from, in words; how many of how many they are, where they are not all of them."""
    if len(chosen) == len(table.frame):
        return table.source
    return f"{len(chosen):,} of {count(len(table.frame), 'row')} of {table.source}, drawn"


def background_remark(chosen: pd.DataFrame, table: Table, where: str, config: ExplainConfig) -> str:
    """What effects are relative to, in a sentence or two.

    Args:
        chosen: the background rows.
        table: what they are of.
        where: where they come from, in words: ``drawn_from``, and maybe more.
        config: methods, which may need no background.
    """
    if not needs_background(config.methods):
        return (
            "Effects are relative to the training rows as the trees counted them. No background data enters them: "
            f"that of {where} only proves that the trees were read right."
        )
    if len(chosen) < len(table.frame):
        return f"Effects are relative to a background of {where}."
    return f"Effects are relative to {len(chosen):,} background rows of {where}."
