"""What a file is by its first bytes, where its name says something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline.errors import DataError
from interp_pipeline.small_files import wide_encoding

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["require_kind"]

_PARQUET = b"PAR1"
_KINDS = {  # what they are, and what to do about it
    b"\x1f\x8b": "compressed with gzip: unpack it (gunzip), and name what comes out by what it is",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: unpack it, or save its sheet as CSV",
    b"BZh9": "compressed with bzip2: unpack it (bunzip2)",
    b"\xfd7zXZ\x00": "compressed with xz: unpack it (unxz)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it (unzstd)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save its sheet as CSV",
    _PARQUET + b"\x15": "a Parquet file: let its name end in .parquet",
}


def require_kind(path: Path, name: str, *, parquet: bool) -> None:
    """Refuse a file that is by its content something else than its name says.

    Args:
        path: the file.
        name: what the user calls it, for messages.
        parquet: whether it is to be Parquet; else CSV.

    Raises:
        DataError: it is something else.
    """
    with path.open("rb") as file:
        first = file.read(8)
    if parquet and first.startswith(_PARQUET):
        return
    known = next((what for mark, what in _KINDS.items() if first.startswith(mark)), None)
    if known is not None:
        msg = f"{name} is, whatever its name says, {known}"
        raise DataError(msg)
    wide = None if parquet else wide_encoding(first)
    if wide is not None:
        msg = (
            f"{name} is written in {wide}: save it with the encoding UTF-8, for example with: iconv -f {wide} -t UTF-8"
        )
        raise DataError(msg)
