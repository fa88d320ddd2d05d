"""How large a table may be that is read for somebody else, and how large a packed one becomes."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from interp_pipeline.errors import SourceRefusedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["require_size", "unpacked_bytes"]

_VALUE_BYTES = 8  # of a number, or of the reference to a text
_GIB = 2**30


def require_size(size_bytes: int, name: str, max_bytes: int | None) -> None:
    """Refuse a table that is too large.

    Args:
        size_bytes: its size.
        name: what it is called in messages.
        max_bytes: how large it may be; None: no limit.

    Raises:
        SourceRefusedError: it is larger.
    """
    if max_bytes is not None and size_bytes > max_bytes:
        msg = (
            f"{name} is larger than {max_bytes / _GIB:.3g} GiB, or becomes so in memory: "
            "name a sample of its rows, or raise max_table_gb in [sources]"
        )
        raise SourceRefusedError(msg)


def unpacked_bytes(file: Path | IO[bytes]) -> int:
    """At least the memory the columns of a Parquet file take, by its footer: equal rows may take none in the file.

    Args:
        file: the file; one that is no Parquet counts as empty, for reading it says so better.
    """
    import pyarrow as pa
    from pyarrow.parquet import read_metadata

    try:
        footer = read_metadata(file)
    except (pa.ArrowException, OSError):
        return 0
    written = sum(footer.row_group(number).total_byte_size for number in range(footer.num_row_groups))
    return int(max(written, footer.num_rows * footer.num_columns * _VALUE_BYTES))
