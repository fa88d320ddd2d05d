"""Fetch one file over http or https."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from interp_pipeline.addresses import without_secrets
from interp_pipeline.data.table_size import require_size
from interp_pipeline.errors import SourceRefusedError, TrackingError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import requests

__all__ = ["download_http"]

_TIMEOUTS_S = (10.0, 60.0)  # to connect; between two pieces of the answer
_PIECE_BYTES = 1 << 20
_SUFFIX_OF_TYPE = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-parquet": ".parquet",
}
_TRY_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


def download_http(
    url: str, folder: Path, known: frozenset[str], *, max_bytes: int | None = None, redirects: bool = True
) -> Path:
    """Fetch a file piece by piece, so that its size is bounded by the disk and not by the memory.

    Args:
        url: an http or https address.
        folder: an existing folder the file is written to.
        known: suffixes that can be read, with their dot.
        max_bytes: how large the file may be, whatever the server says of it; None: no limit.
        redirects: whether another address is fetched where the server says so.

    Returns:
        Path of the file; its suffix is that of the address or, where that has none that is known,
        the one that belongs to the content type of the answer.

    Raises:
        UsageError: the address is none, or the server refuses to give the file.
        SourceRefusedError: the file is larger, or the server names another address.
        TrackingError: the server did not answer, or not to the end.
    """
    import requests

    name = without_secrets(url)
    try:
        with requests.get(url, stream=True, timeout=_TIMEOUTS_S, allow_redirects=redirects) as answer:
            if answer.is_redirect:
                msg = f"{name} is elsewhere now, and other addresses are not followed: name the place itself"
                raise SourceRefusedError(msg)
            _check_status(answer.status_code, answer.reason, name)
            path = folder / f"download{_suffix(url, answer, name, known)}"
            with path.open("wb") as file:
                for piece in answer.iter_content(_PIECE_BYTES):
                    file.write(piece)
                    require_size(file.tell(), name, max_bytes)
            return path
    except (requests.exceptions.InvalidURL, requests.exceptions.TooManyRedirects) as error:
        msg = f"{name} cannot be fetched: {error.__class__.__name__}; check the address"
        raise UsageError(msg) from error
    except requests.exceptions.SSLError as error:
        msg = f"{name}: the server's certificate is not trusted; name your authority in REQUESTS_CA_BUNDLE"
        raise UsageError(msg) from error
    except requests.exceptions.Timeout as error:
        msg = f"{name}: no answer within {_TIMEOUTS_S[1]:g} seconds; try again later"
        raise TrackingError(msg) from error
    except requests.exceptions.ChunkedEncodingError as error:
        msg = f"{name}: the answer broke off before its end; try again"
        raise TrackingError(msg) from error
    except requests.exceptions.RequestException as error:
        msg = f"{name}: the server cannot be reached ({error.__class__.__name__}); check the address or try again later"
        raise TrackingError(msg) from error


def _check_status(status: int, reason: str, name: str) -> None:
    if status == HTTPStatus.OK:
        return
    answer = f"{name}: the server answered {status} {reason}".rstrip()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_LATER:
        msg = f"{answer}; try again later"
        raise TrackingError(msg)
    advice: dict[int, str] = {
        HTTPStatus.UNAUTHORIZED: "it wants a user and password or a signed address",
        HTTPStatus.FORBIDDEN: "you are not allowed to read it, or the signature of the address has expired",
    }
    msg = f"{answer}; {advice.get(status, 'check the address')}"
    raise UsageError(msg)


def _suffix(url: str, answer: requests.Response, name: str, known: frozenset[str]) -> str:
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    if suffix in known:
        return suffix
    content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if _SUFFIX_OF_TYPE.get(content_type) in known:
        return _SUFFIX_OF_TYPE[content_type]
    says = f"the server calls it {content_type!r}" if content_type else "the server does not say what it is"
    msg = f"{name} is none of the files that are read here: it does not end in {' or '.join(sorted(known))}, and {says}"
    raise UsageError(msg)
