"""Read one CSV file: comma-separated, UTF-8, with a header; what pandas would guess around is refused."""

from __future__ import annotations

import base64
import binascii
import codecs
import csv
from typing import TYPE_CHECKING, Any

import pandas as pd

from interp_pipeline.data.declared import DeclaredTypes, where_it_fits
from interp_pipeline.data.file_kind import require_kind
from interp_pipeline.errors import DataError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from interp_pipeline.data.declared import DeclaredType

__all__ = ["read_csv"]

_BLOCK_BYTES = 1 << 20
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_EXACT_BY_DEFAULT = (3, 1)  # pandas from this version on reads decimal numbers to the last bit by itself


def read_csv(path: Path, name: str, declared: DeclaredTypes | None = None) -> pd.DataFrame:
    """Read a CSV file.

    A cell is text. Where a column has a declared type it is read as that type (rules: docs/reference/data.md): a
    declared text is the cell as it stands, ``01234``, ``NA`` and ``1e5`` too, and missing where it is empty. Where
    it has none, or one that some cell does not fit, pandas decides by all its cells: empty ones and pandas' usual
    words for them (``NA``, ``NaN``, ``null``, ``None``, ...) are missing values. Numbers are read to the last bit.

    Args:
        path: the file.
        name: what the user calls it, for messages.
        declared: types of columns, where somebody declares them.

    Returns:
        All rows, none if there is a header only; the index counts from 0.

    Raises:
        DataError: the file is empty, no UTF-8, or its lines do not fit its header.
    """
    declared = declared or DeclaredTypes()
    require_kind(path, name, parquet=False)
    try:
        header = _check_lines(path, name)
        types: dict[str, DeclaredType] = {column: declared.of(column) for column in header}
        names = [column for column, kind in types.items() if kind == "name"]
        frame = _parsed(path, dtype=dict.fromkeys(names, str), low_memory=False, **_number_options())
        raw = [column for column, kind in types.items() if kind in _CELLS]
        if raw:  # read once more: pandas cannot leave the words for missing values alone in some columns only
            cells = _parsed(path, usecols=raw, dtype=str, na_filter=False)
            read = {column: _CELLS[types[column]](cells[column]) for column in raw}
            frame = pd.DataFrame({column: read.get(column, frame[column]) for column in header})
    except UnicodeDecodeError as error:
        raise _not_utf8(path, name) from error
    except (csv.Error, pd.errors.ParserError) as error:
        msg = f"{name} cannot be read as CSV: {' '.join(str(error).split())}; is a quotation mark not closed?"
        raise DataError(msg) from error
    return where_it_fits(frame, declared)


def _parsed(path: Path, **options: Any) -> pd.DataFrame:
    frame: pd.DataFrame = pd.read_csv(path, encoding="utf-8-sig", index_col=False, **options)
    return frame


def _texts(cells: pd.Series[Any]) -> pd.Series[Any]:
    return cells.where(cells != "")


def _bytes(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Bytes, which MLflow's own server takes in base64, too; what is none stays text, and is refused as such."""

    def read(cell: str) -> bytes | str | None:
        try:
            return base64.b64decode(cell, validate=True) if cell else None
        except binascii.Error:
            return cell

    return pd.Series([read(cell) for cell in cells], dtype=object)


_CELLS: Mapping[str, Callable[[pd.Series[Any]], pd.Series[Any]]] = {"text": _texts, "binary": _bytes}


def _number_options() -> dict[str, Any]:
    version = tuple(int(part) for part in pd.__version__.split(".")[:2])
    return {} if version >= _EXACT_BY_DEFAULT else {"float_precision": "round_trip"}


def _check_lines(path: Path, name: str) -> list[str]:
    """Refuse what pandas would silently fill up, cut off or rename; give the header."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next((row for row in reader if row), None)
        if header is None:
            msg = f"{name} is empty: a header and rows are needed"
            raise DataError(msg)
        _check_header(header, name)
        width = len(header)
        for row in reader:
            if len(row) != width and row:
                msg = (
                    f"{name}, line {reader.line_num}: {len(row)} values where the header has {width} columns; "
                    "is a value with a comma not in quotation marks?"
                )
                raise DataError(msg)
    return header


def _check_header(header: list[str], name: str) -> None:
    if any("\0" in column for column in header):
        msg = f"{name} is no UTF-8 text: its header holds zero bytes; save it as CSV with the encoding UTF-8"
        raise DataError(msg)
    if len(header) == 1:
        for separator, word in _OTHER_SEPARATORS.items():
            if separator in header[0]:
                msg = f"{name} is separated by {word}: save it with commas, and numbers with points, 1.5 instead of 1,5"
                raise DataError(msg)
    for position, column in enumerate(header, start=1):
        if not column.strip():
            msg = f"{name}: column {position} has no name in the header; name it, or leave it out if it counts the rows"
            raise DataError(msg)
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        msg = f"{name}: columns that occur more than once: {', '.join(shown(column) for column in twice)}; rename them"
        raise DataError(msg)


def _not_utf8(path: Path, name: str) -> DataError:
    """Find the first byte that is not UTF-8; only done for files that cannot be read."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    before = lines = 0
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK_BYTES)
            kept = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                lines += error.object[: error.start].count(b"\n")
                return DataError(
                    f"{name} is not UTF-8: byte {before - kept + error.start} is {error.object[error.start]:#04x} "
                    f"(line {lines + 1}); save it with the encoding UTF-8, "
                    "for example with: iconv -f WINDOWS-1252 -t UTF-8"
                )
            before += len(block)
            lines += block.count(b"\n")
