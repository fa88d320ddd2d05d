"""Read a table from wherever it lies: CSV or Parquet; a local file or folder, S3, http(s), or bundled."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib.resources
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.addresses import without_secrets
from interp_pipeline.data.column_kind import column_kind
from interp_pipeline.data.csv_source import read_csv
from interp_pipeline.data.http_source import download_http
from interp_pipeline.data.parquet_source import read_parquet
from interp_pipeline.data.s3_source import download_s3
from interp_pipeline.data.table_size import require_size, unpacked_bytes
from interp_pipeline.data.typed_rows import is_missing, named_codes
from interp_pipeline.errors import DataError, UsageError
from interp_pipeline.plain_text import shown
from interp_pipeline.small_files import local_path, require_regular_file

if TYPE_CHECKING:
    from interp_pipeline.data.declared import DeclaredTypes

__all__ = ["BUNDLED", "bundled_path", "read_table", "source_digest"]

BUNDLED = ("german_credit",)

_PARQUET = (".parquet", ".pq")
_KNOWN = frozenset({".csv", *_PARQUET})


def bundled_path(name: str = "german_credit") -> Path:
    """Where a data set that ships with this package lies.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in BUNDLED:
        msg = f"no data set {shown(name)} ships with this package; there is {', '.join(BUNDLED)}"
        raise UsageError(msg)
    return Path(str(importlib.resources.files("interp_pipeline.data") / "bundled" / f"{name}.csv"))


def read_table(
    source: str, *, declared: DeclaredTypes | None = None, max_bytes: int | None = None, redirects: bool = True
) -> pd.DataFrame:
    """Read a table.

    Args:
        source: the name of a bundled data set; a CSV or Parquet file or a folder of them, as a path,
            ``file://`` or ``s3://`` address; an http or https address of a file. Of a folder all
            CSV and Parquet files directly in it are read in the order of their names, except those
            that begin with a dot or underscore.
        declared: types of columns, where somebody declares them: the cells of a CSV file have none.
        max_bytes: how large it may be, as it lies there and as columns in memory; None: no limit.
        redirects: whether another address may be read where a web server says so.

    Returns:
        All rows in order; the index counts them from 0. Columns stand in the order of the first file.

    Raises:
        UsageError: there is nothing at the source, or it may not be read.
        DataError: what is there cannot be read as a table.
        SourceRefusedError: it is larger than ``max_bytes``, or elsewhere now.
        TrackingError: the storage did not answer.
    """
    source = str(source).strip()
    if not source:
        msg = "no data was named: give a path, an address or the name of a bundled data set"
        raise UsageError(msg)
    if source in BUNDLED:
        return read_csv(bundled_path(source), source, declared)
    scheme = source.partition("://")[0].lower() if "://" in source else ""
    if scheme in {"", "file"}:
        files = _local_files(local_path(source), source)
        require_size(sum(file.stat().st_size for file, _ in files), source, max_bytes)
        return _read_files(files, source, declared, max_bytes)
    with tempfile.TemporaryDirectory(prefix="interp-data-") as folder:
        if scheme == "s3":
            return _read_files(download_s3(source, Path(folder), _KNOWN, max_bytes), source, declared, max_bytes)
        name = without_secrets(source)
        if scheme in {"http", "https"}:
            path = download_http(source, Path(folder), _KNOWN, max_bytes=max_bytes, redirects=redirects)
            return _read_files([(path, name)], name, declared, max_bytes)
    msg = f"{name} cannot be read: {scheme}:// is not supported; use a local path, s3://, http:// or https://"
    raise UsageError(msg)


def source_digest(frame: pd.DataFrame) -> str:
    """SHA-256 over names, types and values of all columns, in their order; the index does not count.

    Whatever a model could tell apart tells digests apart: 1 and 1.0, 0.0 and -0.0, an empty text, None and NaN, a text
    and a category, categories in another order.
    """
    digest = hashlib.sha256()
    for name in frame.columns:
        column = frame[name]
        for piece in (_sized(str(name)), *_type_bytes(column), *_column_bytes(column)):
            digest.update(piece)
    return digest.hexdigest()


def _type_bytes(column: pd.Series[Any]) -> list[bytes]:
    """How the values are held; of a column of objects, the type of each."""
    held = [_sized(str(column.dtype))]
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = pd.Series(column.dtype.categories)
        order = b"ordered" if column.dtype.ordered else b""
        return [*held, order, *_type_bytes(categories), *_column_bytes(categories)]
    if column.dtype == object:
        codes, types = pd.factorize(column.map(lambda value: type(value).__name__))
        return [*held, codes.astype("<i8").tobytes(), *(_sized(str(name)) for name in types)]
    return [*held, column.isna().to_numpy(bool).tobytes()]


def _column_bytes(column: pd.Series[Any]) -> list[bytes]:
    if column_kind(column) == "numeric":
        there = ~is_missing(column)
        numbers = np.full(len(column), np.nan, dtype="<f8")
        numbers[there] = column[there].astype(np.float64).to_numpy()
        return [b"n", numbers.tobytes()]
    codes, names = named_codes(column)
    return [b"t", codes.astype("<i8").tobytes(), *(_sized(name) for name in names)]


def _sized(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


def _local_files(path: Path, source: str) -> list[tuple[Path, str]]:
    try:
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.suffix.lower() in _KNOWN and not p.is_dir())
            wanted = [(p, str(p)) for p in files if not p.name.startswith((".", "_"))]
            for file, name in wanted:  # a link to nothing too: rows would be missing without a word
                try:
                    require_regular_file(file, name)
                except FileNotFoundError as error:
                    msg = f"{name} is a link to nothing: remove it, or let it lead to the file"
                    raise UsageError(msg) from error
            if not wanted:
                msg = f"folder {source} holds no files that end in {' or '.join(sorted(_KNOWN))}"
                raise UsageError(msg)
            return wanted
        with contextlib.suppress(FileNotFoundError):
            require_regular_file(path, source)
            return [(path, source)]
        neighbours = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    except PermissionError as error:
        msg = f"{source} may not be read: permission denied; check the rights of the file and its folders"
        raise UsageError(msg) from error
    close = difflib.get_close_matches(path.name, neighbours, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the working folder is {Path.cwd()}"
    msg = f"{source} does not exist: {hint}"
    raise UsageError(msg)


def _read_files(
    files: list[tuple[Path, str]], source: str, declared: DeclaredTypes | None, max_bytes: int | None
) -> pd.DataFrame:
    packed = (path for path, _ in files if path.suffix.lower() in _PARQUET)
    if max_bytes is not None:
        require_size(sum(map(unpacked_bytes, packed)), source, max_bytes)
    frames = [_read_file(path, name, declared) for path, name in files]
    first = frames[0]
    for (_, name), frame in zip(files, frames, strict=True):
        if set(frame.columns) != set(first.columns):
            fewer = [column for column in first.columns if column not in set(frame.columns)]
            more = [column for column in frame.columns if column not in set(first.columns)]
            parts = [f"lacks {', '.join(map(shown, fewer))}"] * bool(fewer)
            parts += [f"has {', '.join(map(shown, more))} besides"] * bool(more)
            msg = f"{name} {' and '.join(parts)}, unlike {files[0][1]}: all files of a folder need the same columns"
            raise DataError(msg)
    filled = [frame[list(first.columns)] for frame in frames if len(frame)]
    if not filled:
        msg = f"{source} has a header but no rows" if len(first.columns) else f"{source} has no columns"
        raise DataError(msg)
    return filled[0] if len(filled) == 1 else pd.concat(filled, ignore_index=True)


def _read_file(path: Path, name: str, declared: DeclaredTypes | None) -> pd.DataFrame:
    ending = path.suffix.lower()
    if ending not in _KNOWN:
        msg = f"{name} is neither CSV nor Parquet by its name: it must end in {' or '.join(sorted(_KNOWN))}"
        raise UsageError(msg)
    try:
        return read_parquet(path, name) if ending in _PARQUET else read_csv(path, name, declared)
    except PermissionError as error:
        msg = f"{name} may not be read: permission denied; check the rights of the file"
        raise UsageError(msg) from error
