"""A data dictionary: what the columns of a table and their values are called by people, and in which unit they are.

A TOML file with a table for each column, in which every entry may be left out:

    [duration_months]
    label = "Duration of the loan"
    unit = "months"

    [status]
    label = "Checking account"
    values = { A11 = "overdrawn", A14 = "none" }

Pictures and sentences use it; value tables keep the names and values of the data.
"""

from __future__ import annotations

import dataclasses
import difflib
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp_pipeline.addresses import without_secrets
from interp_pipeline.data.http_source import download_http
from interp_pipeline.data.s3_source import download_s3
from interp_pipeline.data.typed_rows import is_missing, name_of
from interp_pipeline.errors import DataError, UsageError
from interp_pipeline.plain_text import shown
from interp_pipeline.small_files import local_path, parse_toml, read_small_file, text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pandas as pd

    from interp_pipeline.explanation import Explanation
    from interp_pipeline.interactions import Interactions

__all__ = ["ColumnEntry", "DataDictionary", "read_dictionary"]

_SUFFIX = frozenset({".toml"})
_LARGEST = 256 * 1024  # bytes
_TOLD = 5  # columns in a sentence
_LONGEST_LINE = 4096  # characters
_MOST_DOTS = 200  # of a line: a key of many parts takes a time that grows with the square of their number


@dataclass(frozen=True, kw_only=True)
class ColumnEntry:
    """What people call one column."""

    label: str = ""  # empty: its name
    unit: str = ""  # of its numbers
    values: Mapping[str, str] = field(default_factory=dict)  # what values are called, by their text in the data


@dataclass(frozen=True, kw_only=True)
class DataDictionary:
    """Labels, units and names of values, by column.

    Attributes:
        source: where it was read, in words.
        columns: entry by the column's name in the data. Columns without one keep their names.
        content: the file, for a digest.
    """

    source: str
    columns: Mapping[str, ColumnEntry]
    content: bytes = b""

    def name(self, column: str) -> str:
        """What a column is called in pictures and sentences: ``Duration of the loan (months)``."""
        entry = self.columns.get(column, ColumnEntry())
        label = entry.label or column
        return f"{label} ({entry.unit})" if entry.unit else label

    def names(self, columns: Sequence[str]) -> list[str]:
        """``name`` of all columns of a table.

        Raises:
            UsageError: two of them would have the same.
        """
        names = [self.name(column) for column in columns]
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            both = [shown(column) for column, name in zip(columns, names, strict=True) if name == twice]
            msg = f"{self.source} calls {' and '.join(both)} {shown(twice)}: give them labels that differ"
            raise UsageError(msg)
        return names

    def require_distinct(self, *tables: pd.DataFrame) -> None:
        """Refuse labels under which readers could not tell two columns, or two values of one, apart.

        Args:
            tables: with the columns that are to be named, the same in all.

        Raises:
            UsageError: two columns, or a value with a name and one that keeps its own, would be called the same.
        """
        for table in tables:
            self.names(list(table.columns))
            for column in table.columns:
                self._require_distinct_values(table[column])

    def unknown_remark(self, known: Collection[str], uri: str, what: str = "column") -> str:
        """A sentence about what it describes and a model does not have; empty where it has all.

        Args:
            known: names of all columns of the model's data, or of its features.
            uri: the model version they belong to.
            what: they are called.
        """
        unknown = [column for column in self.columns if column not in known]
        if not unknown:
            return ""
        told = []
        for column in unknown[:_TOLD]:
            close = difflib.get_close_matches(column, [name for name in known if name not in self.columns], n=1)
            told.append(f"{shown(column)} (did you mean {shown(close[0])}?)" if close else shown(column))
        if len(unknown) > _TOLD:
            told.append(f"{len(unknown) - _TOLD:,} more")
        which = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]
        are = f"which is no {what}" if len(unknown) == 1 else f"which are no {what}s"
        return f"The data dictionary {self.source} describes {which}, {are} of {uri}."

    def relabel(self, explanation: Explanation) -> Explanation:
        """The same explanation with features and values called as people call them.

        Raises:
            UsageError: two features would have the same name.
        """
        data = explanation.data
        columns = [self._named_values(data.iloc[:, j]) for j in range(data.shape[1])]
        named = dict(zip(self.names(explanation.feature_names), columns, strict=True))
        frame = type(data)(named, index=data.index, columns=list(named))
        unseen = {
            self.name(column): {self._value(column, value): told for value, told in values.items()}
            for column, values in explanation.unseen.items()
        }
        return dataclasses.replace(explanation, data=frame, unseen=unseen)

    def relabel_interactions(self, interactions: Interactions) -> Interactions:
        """``relabel`` of the explanation that is divided."""
        return dataclasses.replace(interactions, explanation=self.relabel(interactions.explanation))

    def _value(self, column: str, value: str) -> str:
        return self.columns.get(column, ColumnEntry()).values.get(value, value)

    def _require_distinct_values(self, column: pd.Series[Any]) -> None:
        values = self.columns.get(str(column.name), ColumnEntry()).values
        if not values:
            return
        by_name = {_as_seen(text): value for value, text in values.items()}
        for own in {name_of(value) for value in column[~is_missing(column)].unique()} - set(values):
            if _as_seen(own) in by_name:
                raise _one_name_for_two(self.source, str(column.name), own, by_name[_as_seen(own)], own)

    def _named_values(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """A column with its values' names; where it has any it becomes one of texts."""
        name = str(column.name)
        if not self.columns.get(name, ColumnEntry()).values:
            return column
        self._require_distinct_values(column)
        gaps = is_missing(column)
        texts = [
            None if gap else self._value(name, name_of(value))
            for value, gap in zip(column.to_numpy(dtype=object), gaps, strict=True)
        ]
        return type(column)(texts, index=column.index, name=column.name, dtype=object)


def read_dictionary(source: str, *, max_bytes: int | None = None, redirects: bool = True) -> DataDictionary:
    """Read a data dictionary.

    Args:
        source: a TOML file: a path, a ``file://``, ``s3://``, http or https address that ends in ``.toml``.
        max_bytes: how large what is fetched may be; a data dictionary has 256 KiB at most in any case.
        redirects: whether another address may be read where a web server says so.

    Raises:
        UsageError: there is nothing at the source, or it may not be read.
        DataError: what is there is no data dictionary; the message names the place.
        SourceRefusedError: it is larger, or elsewhere now.
        TrackingError: the storage did not answer.
    """
    source = source.strip()
    scheme = source.partition("://")[0].lower() if "://" in source else ""
    name = without_secrets(source)
    if scheme in {"", "file"}:
        return _parse(_read(local_path(source), name), name)
    with tempfile.TemporaryDirectory(prefix="interp-data-") as folder:
        if scheme == "s3":
            files = download_s3(source, Path(folder), _SUFFIX, max_bytes)
            if len(files) != 1:
                msg = f"{name} is a folder with {len(files)} files; name the one that is the data dictionary"
                raise UsageError(msg)
            return _parse(_read(files[0][0], name), name)
        if scheme in {"http", "https"}:
            path = download_http(source, Path(folder), _SUFFIX, max_bytes=max_bytes, redirects=redirects)
            return _parse(_read(path, name), name)
    msg = f"{name} cannot be read: {scheme}:// is not supported; use a local path, s3://, http:// or https://"
    raise UsageError(msg)


def _read(path: Path, name: str) -> bytes:
    try:
        return read_small_file(path, name, _LARGEST)
    except FileNotFoundError as error:
        msg = f"{name} does not exist: the working folder is {Path.cwd()}"
        raise UsageError(msg) from error
    except IsADirectoryError as error:
        msg = f"{name} is a folder; name the TOML file in it"
        raise UsageError(msg) from error
    except ValueError as error:
        msg = f"{name} is no data dictionary: {error}"
        raise DataError(msg) from error


def _parse(content: bytes, name: str) -> DataDictionary:
    try:
        text = text_of(content)
        if any(len(line) > _LONGEST_LINE for line in text.splitlines()):
            msg = f"{name} is no data dictionary: a line is longer than {_LONGEST_LINE:,} characters"
            raise DataError(msg)
        if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
            msg = f"{name} is no data dictionary: a line has more than {_MOST_DOTS} dots"
            raise DataError(msg)
        columns = parse_toml(text)
    except ValueError as error:
        msg = f"{name} is not written in TOML: {error}"
        raise DataError(msg) from error
    entries = {column: _entry(name, column, entry) for column, entry in columns.items()}
    return DataDictionary(source=name, columns=entries, content=content)


def _as_seen(text: str) -> str:
    """A name as readers tell it from others: they see no difference in spaces."""
    return " ".join(text.split())


def _one_name_for_two(name: str, column: str, text: str, value: str, other: str) -> DataError:
    both = f"values {shown(value)} and {shown(other)} of column {shown(column)} {shown(text)}"
    return DataError(f"{name} calls {both}: give them names that differ")


def _entry(name: str, column: str, entry: Any) -> ColumnEntry:
    place = f"{name}, column {shown(column)}"
    if not isinstance(entry, dict):
        msg = f"{place}: write a table, [{column}] with label, unit or values, not {shown(entry)}"
        raise DataError(msg)
    unknown = sorted(set(entry) - {"label", "unit", "values"})
    if unknown:
        hint = " (a column whose name has a dot stands in quotes)" if isinstance(entry[unknown[0]], dict) else ""
        msg = f"{place}: unknown entry {shown(unknown[0])}; known are label, unit and values{hint}"
        raise DataError(msg)
    for key in ("label", "unit"):
        if not isinstance(entry.get(key, ""), str):
            msg = f"{place}: {key} must be a text, not {shown(entry[key])}"
            raise DataError(msg)
    values = entry.get("values", {})
    if not isinstance(values, dict) or not all(isinstance(text, str) for text in values.values()):
        msg = f'{place}: values must be a table of texts, such as {{ A11 = "overdrawn" }}'
        raise DataError(msg)
    by_name: dict[str, str] = {}
    for value, text in values.items():
        other = by_name.setdefault(_as_seen(text), value)
        if other != value:
            raise _one_name_for_two(name, column, text, other, value)
    return ColumnEntry(label=entry.get("label", "").strip(), unit=entry.get("unit", "").strip(), values=values)
