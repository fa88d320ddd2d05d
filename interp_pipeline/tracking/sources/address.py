"""Addresses of files as places that hold one another, read so strictly that nobody reads them otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

__all__ = ["LOCAL", "Address", "read_address"]

LOCAL = "file"  # scheme of local paths
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_WEB = {"http", "https", "mlflow-artifacts"}  # their hosts may be written in any case
_LONGEST = 4096  # characters
_DECODINGS = 5  # whoever encodes more often than this hides something


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address by its parts. Two places are compared part by part, so ``root-2`` does not lie in ``root``."""

    scheme: str  # lower case; LOCAL for paths too
    authority: str  # host, bucket or the like, as it is written; empty: none
    parts: tuple[str, ...]  # of the path, as they are written; of a local one decoded
    address: str  # for whoever reads what lies there

    def holds(self, other: Address) -> bool:
        """Whether the other place is this one or lies below it."""
        return (self.scheme, self.authority) == (other.scheme, other.authority) and (
            other.parts[: len(self.parts)] == self.parts
        )

    def parent(self) -> Address:
        """The place it lies in."""
        return replace(self, parts=self.parts[:-1], address=self.address.rstrip("/").rpartition("/")[0])

    def real(self) -> Address:
        """A local place without symbolic links on the way to it; any other as it is."""
        if self.scheme != LOCAL:
            return self
        path = Path("/", *self.parts).resolve()
        return replace(self, parts=path.parts[1:], address=path.as_uri())

    @property
    def path(self) -> Path | None:
        """Path of a local place; None for any other."""
        return Path("/", *self.parts) if self.scheme == LOCAL else None


def read_address(address: str) -> Address:
    """Take an address apart.

    Programs differ in how they read addresses: what they decode, cut off, and take for a step up. Where that could
    matter, an address is refused here rather than read in one of the ways.

    Args:
        address: a URI, or an absolute local path.

    Raises:
        ValueError: it is none, or can be read in several ways; the message says why, as it follows "the address".
    """
    if not address.isprintable() or "\\" in address or address != address.strip() or len(address) > _LONGEST:
        msg = "holds characters that no address needs"
        raise ValueError(msg)
    found = _SCHEME.match(address)
    scheme = found[1].lower() if found else LOCAL
    rest = address[found.end() :] if found else address
    authority, slash, path = rest[2:].partition("/") if found and rest.startswith("//") else ("", "", rest)
    path = slash + path
    if scheme == LOCAL:
        return _local(authority, path, is_path=found is None)
    parts = tuple(path.removeprefix("/").rstrip("/").split("/")) if path.strip("/") else ()
    _require_plain(parts)
    return Address(
        scheme=scheme,
        authority=authority.lower() if scheme in _WEB else authority,
        parts=parts,
        address=f"{scheme}:{rest}",
    )


def _local(authority: str, path: str, *, is_path: bool) -> Address:
    if authority not in {"", "localhost"}:
        msg = "names another machine"
        raise ValueError(msg)
    if not path.startswith("/"):
        msg = "is a path that depends on the folder it is read from"
        raise ValueError(msg)
    if any(mark in path for mark in ("%" if is_path else "?#")):  # decoded or cut off by some readers
        msg = "can be read in several ways"
        raise ValueError(msg)
    parts = tuple(part for part in unquote(path).split("/") if part)
    _require_plain((*parts, *path.split("/")))
    return Address(scheme=LOCAL, authority="", parts=parts, address=Path("/", *parts).as_uri())


def _require_plain(parts: tuple[str, ...]) -> None:
    """Refuse steps up, and anything that becomes one, or several parts, for who decodes it."""
    for part in parts:
        decoded = part
        for _ in range(_DECODINGS):
            if decoded in {".", ".."} or "/" in decoded or "\\" in decoded or not decoded.isprintable():
                msg = "leaves the folder it begins with"
                raise ValueError(msg)
            decoded, before = unquote(decoded), decoded
            if decoded == before:
                break
        else:
            msg = "is encoded again and again"
            raise ValueError(msg)
