"""Addresses as they may be shown: no message, log or report tells who logs in where, or with what."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

__all__ = ["cleaned", "is_readable", "scheme_of", "shown_address", "without_secrets"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s'\"<>]+")
_PATH_IN_TEXT = re.compile(r"(\burl: [^\s?]*)\?\S*")  # of urllib3's errors, which name host and port elsewhere
_AFTER_ADDRESS = ").,;:]}"  # marks that end a sentence rather than an address
_WEB = {"http", "https", "mlflow-artifacts"}
_NAMES_CONTAINER = {"abfs", "abfss", "b2", "r2", "wasb", "wasbs"}  # what stands before @ is no login
# A login whose password holds marks that end the host elsewhere; of the web, where it cannot be a port.
_LOGIN = re.compile(r"[^:/?#@]*:[^@]*@")
_LOGIN_OF_WEB = re.compile(r"(?!\[)[^:/?#@]*:(?!\d*[/?#])[^@]*@")
_SHOWN = 300  # characters
_PORTS = re.compile(r"\[[^\]]*\](:(?P<a>\d*))?|[^\[\]:]*(:(?P<b>\d*))?")
_SHORTEST = 5  # characters of a secret in a query: other values are words of everyday
_MOST_PORTS = 65_535


def without_secrets(address: str) -> str:
    """An address without what may be secret in it: user, password, and the query, which may hold a signature.

    Whatever is no URL stays as it is. Of ``s3://`` the query stays: its addresses hold no secrets there, and "?" may
    be part of a key.
    """
    return _without_secrets(address, with_fragment=False)


def shown_address(address: str) -> str:
    """An address as it may stand in a message: in one line, without login, query or fragment."""
    address = without_secrets(address)
    if _SCHEME.match(address):
        address = re.split(r"[?#]", address, maxsplit=1)[0]
    text = address if address.isprintable() else ascii(address)[1:-1]
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def cleaned(text: str, *addresses: str) -> str:
    """A text of a library, with every address in it as it may be shown.

    Args:
        text: what the library says.
        addresses: that it was given; their logins and queries are taken out wherever they stand.
    """
    for address in addresses:
        text = text.replace(address, without_secrets(address))
        for secret in sorted(_secrets(address), key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return _PATH_IN_TEXT.sub(r"\1", _IN_TEXT.sub(_shown_in_text, text))


def scheme_of(address: str) -> str:
    """What stands before the first colon of an address, in lower case; empty: it is a path."""
    found = _SCHEME.match(address)
    return found[1].lower() if found else ""


def is_readable(url: str) -> bool:
    """Whether host and port of a web address can be told apart, as those of ``http://[::1`` or ``:99999`` cannot."""
    found = _URL.match(url)
    if found is None:
        return False
    authority = re.split(r"[/?#]", url[found.end() :], maxsplit=1)[0].rpartition("@")[2]
    parts = _PORTS.fullmatch(authority)
    try:
        urlsplit(without_secrets(url))
    except ValueError:  # characters that would become others, or what is no IPv6 address
        return False
    return parts is not None and int((parts["a"] or parts["b"] or "0")[:9]) <= _MOST_PORTS


def _shown_in_text(found: re.Match[str]) -> str:
    address = found[0].rstrip(_AFTER_ADDRESS)
    return _without_secrets(address, with_fragment=True) + found[0][len(address) :]


def _without_secrets(address: str, *, with_fragment: bool) -> str:
    found = _URL.match(address)
    if found is None:
        return address
    scheme, rest = found[1].lower(), address[found.end() :]
    rest = rest[_end_of_login(scheme, rest) :]
    if scheme == "s3":
        return f"{found[0]}{rest}"
    before, hash_mark, fragment = rest.partition("#")
    return f"{scheme}://{before.partition('?')[0]}{(hash_mark + fragment) if with_fragment else ''}"


def _end_of_login(scheme: str, rest: str) -> int:
    """Where the host begins in what follows ``://``."""
    if scheme in _NAMES_CONTAINER:
        return 0
    login = (_LOGIN_OF_WEB if scheme in _WEB else _LOGIN).match(rest)
    start = login.end() if login else 0
    authority = re.split(r"[/?#]", rest[start:], maxsplit=1)[0]
    return start + authority.rfind("@") + 1


def _secrets(address: str) -> set[str]:
    """The login of an address, its password (or what stands in place of both), and the query."""
    found = _URL.match(address)
    if found is None:
        return set()
    rest = address[found.end() :]
    end = _end_of_login(found[1].lower(), rest)
    login = rest[: max(end - 1, 0)]
    password = login.partition(":")[2] or login
    query = "" if found[1].lower() == "s3" else rest[end:].partition("#")[0].partition("?")[2]
    values = [part.partition("=")[2] for part in query.split("&")]
    parts = login, password, query, *(value for value in values if len(value) >= _SHORTEST)
    return {each for part in parts for each in (part, unquote(part)) if each}
