"""Tables that were logged with a version, in the order in which they are tried, and why one could not be used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from interp_pipeline.errors import ModelError, NoDataError, SourceRefusedError, UsageError
from interp_pipeline.readable import count
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.models.model_file import read_input_example
from interp_pipeline.tracking.runs.training_run import read_logged_tables
from interp_pipeline.tracking.sources.logged_data import read_logged_datasets
from interp_pipeline.tracking.sources.named_table import read_named_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.data.declared import DeclaredTypes
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.sources.logged_data import LoggedDataset
    from interp_pipeline.tracking.sources.policy import SourcePolicy

__all__ = ["Search", "Table"]

_FEWEST = 20  # rows of a table that can stand for an average case
_MOST_DATASETS = 20  # inputs of a run that are tried
_LARGEST_EXAMPLE = 64 * 2**20  # bytes of the JSON of an input example, which takes ten times that in memory
_ROWS, _BACKGROUND = "rows to explain", "background data"
_PLACES = {  # where each can be put: an argument and an option of the same name, and a tag
    _ROWS: ("data", layout.TAG_ROWS),
    _BACKGROUND: ("background", layout.TAG_BACKGROUND),
}
_TRAINING = {"train", "training"}  # contexts under which data sets are logged


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """A table and what it is called in sentences."""

    frame: pd.DataFrame
    source: str


class Search:
    """Looks for tables in what was logged with a version."""

    def __init__(
        self,
        client: MlflowClient,
        version: RegisteredVersion,
        model_path: Path,
        names: Sequence[str],
        types: DeclaredTypes,
        policy: SourcePolicy | None,
        progress: Progress,
    ) -> None:
        """Prepare to look.

        Args:
            client: the connection.
            version: which version, of a model that was not trained here.
            model_path: folder with its files.
            names: the model's features; empty where only the loaded model knows them.
            types: what the model says of columns.
            policy: what may be read; None: whatever the credentials at hand open.
            progress: is told what was passed over.
        """
        self._client = client
        self._version = version
        self._model_path = model_path
        self._names = names
        self._types = types
        self._policy = policy
        self._progress = progress
        self._reasons: list[str] = []
        self._read: dict[str, pd.DataFrame | str] = {}  # table or why it cannot be used, by address: read once

    def rows(self) -> Table:
        """Rows to explain.

        Raises:
            NoDataError: there are none.
        """
        logged = self._of_run[0]
        if logged is not None:
            return logged
        tables = chain(self._of_datasets(training_first=False), self._of_example())
        return self._first(tables, _ROWS)

    def background(self, table: Table, *, table_given: bool, any_will_do: bool) -> Table:
        """Background data for rows of a table; that table itself where any will do and there is no other.

        Raises:
            NoDataError: there is nothing that could stand for "unknown".
        """
        logged = self._of_run[1]
        if logged is not None:
            return logged
        others = chain(self._of_datasets(training_first=True), self._of_example())
        tables = chain(self._of_table(table), others) if table_given else chain(others, self._of_table(table))
        if any_will_do:
            tables = chain(tables, [table])
        return self._first(tables, _BACKGROUND)

    @cached_property
    def _of_run(self) -> tuple[Table | None, Table | None]:
        """Rows and background logged under the names our training uses."""
        rows, background = read_logged_tables(self._client, self._version, self._policy)
        return (
            None if rows is None else Table(frame=rows, source="the rows logged with the run"),
            None if background is None else Table(frame=background, source="the background data logged with the run"),
        )

    def _of_table(self, table: Table) -> Iterator[Table]:
        if len(table.frame) >= _FEWEST:
            yield table
        else:
            rows = "row" if len(table.frame) == 1 else "rows"
            self._reasons.append(f"{table.source} has {len(table.frame)} {rows}, fewer than {_FEWEST}")

    def _of_example(self) -> Iterator[Table]:
        try:
            example = self._example
        except ModelError as error:
            self._reasons.append(f"its input example {error}")
            return
        if example is None:
            self._reasons.append("the model has no input example with named columns")
        elif len(example) < _FEWEST:
            self._reasons.append(f"its input example has {count(len(example), 'row')}, fewer than {_FEWEST}")
        else:
            yield Table(frame=example, source="the input example logged with the model")

    @cached_property
    def _example(self) -> pd.DataFrame | None:
        return read_input_example(self._model_path, None if self._policy is None else _LARGEST_EXAMPLE)

    def _of_datasets(self, *, training_first: bool) -> Iterator[Table]:
        found = read_logged_datasets(self._client, self._version.run_id)
        if not found:
            self._reasons.append("its run has no data set as input")
        ordered = sorted(found, key=lambda each: (each.context.lower() in _TRAINING) != training_first)
        for dataset in ordered[:_MOST_DATASETS]:
            if dataset.address is None:
                self._reasons.append(f"{dataset.label} has a source of the kind {dataset.kind!r}, which cannot be read")
                continue
            if dataset.address not in self._read:
                self._read[dataset.address] = self._frame_of(dataset, dataset.address)
            frame = self._read[dataset.address]
            if isinstance(frame, str):
                self._reasons.append(f"{dataset.label} {frame}")
            else:
                yield Table(frame=frame, source=dataset.label)

    def _frame_of(self, dataset: LoggedDataset, address: str) -> pd.DataFrame | str:
        """A data set's table, or why it cannot be used."""
        try:
            frame = read_named_table(self._client, address, self._version, self._types, self._policy)
        except (UsageError, SourceRefusedError) as error:
            return f"cannot be read: {error}"
        lacking = [name for name in (*dataset.columns, *self._names) if name not in frame.columns]
        # another table has taken its place, or the model reads what was made of it
        return f"lacks column {lacking[0]!r} now" if lacking else frame

    def _first(self, tables: Iterator[Table], what: str) -> Table:
        """The first of the tables; what was passed over on the way is said."""
        table = next(tables, None)
        passed = "; ".join(dict.fromkeys(self._reasons))
        if table is None:
            raise _no_data(self._version.uri, what, passed)
        if passed:
            self._progress.say(f"{what.capitalize()} come from {table.source}, since {passed}")
        return table


def _no_data(uri: str, what: str, passed: str) -> NoDataError:
    """Say what to add, to whoever reads it on the version's page or at a command line."""
    argument, tag = _PLACES[what]
    return NoDataError(
        f"{uri} has no {what}: give {argument}=... in Python, --{argument} FILE on the command line. For good, and for "
        f"a worker, name a table in the version's tag {tag} or under [[data]] in the configuration, or log an input "
        f"example of {_FEWEST} rows with the model or a data set with its run (mlflow.log_input). Looked at: {passed}"
    )
