"""What MLflow, the storages and the database answer when they cannot do as asked, as errors of ours."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from interp_pipeline.addresses import cleaned, is_readable, without_secrets
from interp_pipeline.errors import InterpError, RefusedError, TrackingError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["first_line", "hide_secrets_of", "no_answer_reason", "translated"]

_CALLER_MISTAKES = {
    "RESOURCE_DOES_NOT_EXIST": "it does not exist, or was deleted",
    "RESOURCE_ALREADY_EXISTS": "it exists already",
    "INVALID_PARAMETER_VALUE": "the server refused a value",
    "PERMISSION_DENIED": "you have no permission; ask for the right, or use other credentials",
    "UNAUTHENTICATED": "the server does not know you; set MLFLOW_TRACKING_USERNAME and _PASSWORD or a token",
    "CUSTOMER_UNAUTHORIZED": "the server does not know you; set MLFLOW_TRACKING_USERNAME and _PASSWORD or a token",
    "ENDPOINT_NOT_FOUND": "no MLflow server of a fitting version answers at this address",
    "NOT_FOUND": "no MLflow server of a fitting version answers at this address",
}
_STORAGE_MISTAKES = {
    "AccessDenied": "no permission; ask for the right, or use other credentials",
    "InvalidAccessKeyId": "the access key is unknown; check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is wrong; check AWS_SECRET_ACCESS_KEY",
    "NoSuchBucket": "the bucket does not exist; create it, or use another artifact location",
    "NoSuchKey": "the object does not exist, or was deleted",
    "404": "it does not exist, or was deleted",
    "403": "no permission; ask for the right, or use other credentials",
}
_UNANSWERED = re.compile(r"API request to (https?://[^/\s]+)\S* failed with")
_WHY_UNANSWERED = {"timed out": "no answer in time", "Connection refused": "Connection refused"}
_NO_RIGHT = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_NO_PLACE = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG}
_given: set[str] = set()  # addresses that connections were made to
_DATABASE_REFUSALS = ("readonly", "read-only", "permission denied", "password authentication failed")


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none; addresses in it as they may be shown."""
    text = str(error).strip()
    return _clean(text.splitlines()[0]) if text else type(error).__name__


def hide_secrets_of(address: str) -> None:
    """Take the login of an address out of whatever any library says from now on."""
    _given.add(address)


def _clean(text: str) -> str:
    """A text of a library that may quote the addresses it was given."""
    import mlflow

    return cleaned(text, mlflow.get_tracking_uri(), mlflow.get_registry_uri(), *sorted(_given))


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what MLflow, requests, boto3, the database and the file system raise into the tree of ``errors``.

    Args:
        doing: what is being tried, as the start of the message: ``reading models:/a/1``.

    Raises:
        RefusedError: the thing does not exist, the right is missing, or a value was refused.
        TrackingError: no answer, or an answer that another try may change.
    """
    try:
        yield
    except InterpError:
        raise
    except Exception as error:
        found = _by_cause(doing, error) or _by_code(doing, error)
        if found is None:  # a defect rather than an answer: not ours to explain
            raise
        raise found from error


def no_answer_reason(error: BaseException) -> str:
    """Why a server could not be reached, in the words of whoever noticed first: ``Connection refused``."""
    causes = list(_causes(error))
    if any("Timeout" in type(cause).__name__ for cause in causes):
        return "no answer in time"
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror:
            return _clean(cause.strerror)
    return first_line(causes[-1]).rstrip(".")[:200]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on: MLflow wraps what others said."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _by_cause(doing: str, error: Exception) -> InterpError | None:
    """By the first of the error's causes that says who refused, and why."""
    for cause in _causes(error):
        for read in (_from_storage, _from_database, _from_network, _from_files):
            found = read(doing, cause)
            if found is not None:
                return found
    return None


def _by_code(doing: str, error: Exception) -> InterpError | None:
    """By the code MLflow gave the error."""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return None
    line, code = _told(error), str(getattr(error, "error_code", ""))
    unanswered = _UNANSWERED.search(line)
    if unanswered is not None:  # said by one of the threads of a transfer, which pass on texts only
        why = next((meaning for mark, meaning in _WHY_UNANSWERED.items() if mark in line), "it failed again and again")
        return TrackingError(
            f"{doing}: {_host(unanswered[1])} does not answer ({why}); check that it runs, and try again"
        )
    line = _clean(line)[:300].rstrip(".")
    for mark, meaning in _STORAGE_MISTAKES.items():  # MLflow's transfers quote the storage and drop its answer
        if f"({mark})" in line:
            return RefusedError(f"{doing}: {meaning} ({line})")
    if code in _CALLER_MISTAKES:
        return RefusedError(f"{doing}: {_CALLER_MISTAKES[code]} ({line})")
    if os.strerror(errno.ENOSPC) in line:
        return TrackingError(f"{doing}: {line}; make room for temporary files ({tempfile.gettempdir()}) and try again")
    return TrackingError(f"{doing}: {line}; check the tracking server and try again")


def _told(error: Exception) -> str:
    """The line of MLflow's message that says why; that of a failed transfer begins with headings."""
    lines = str(error).strip().splitlines()
    if not lines or not lines[0].startswith("The following failures occurred"):
        return first_line(error)
    return next((line for line in lines[1:] if line.strip() and not line.startswith("#")), lines[0])


def _from_storage(doing: str, error: BaseException) -> InterpError | None:
    import botocore.exceptions

    if isinstance(error, botocore.exceptions.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _STORAGE_MISTAKES:
            return RefusedError(f"{doing}: {_STORAGE_MISTAKES[code]} ({first_line(error)})")
        return TrackingError(f"{doing}: the storage answered {code or 'nothing'} ({first_line(error)}); try again")
    if isinstance(error, botocore.exceptions.NoCredentialsError):
        return RefusedError(
            f"{doing}: no S3 credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        )
    if isinstance(error, botocore.exceptions.BotoCoreError):
        return TrackingError(f"{doing}: the S3 storage does not answer ({first_line(error)}); try again")
    return None


def _from_database(doing: str, error: BaseException) -> InterpError | None:
    import sqlalchemy.exc

    if not isinstance(error, sqlalchemy.exc.DBAPIError):
        return None
    said = first_line(error.orig or error)
    if any(mark in said.lower() for mark in _DATABASE_REFUSALS):
        return RefusedError(
            f"{doing}: the database gives no right to do so ({said}); ask for it, or give another --tracking-uri"
        )
    return TrackingError(f"{doing}: the tracking database failed ({said}); check its address and try again")


def _from_network(doing: str, error: BaseException) -> InterpError | None:
    import requests

    if not isinstance(error, requests.RequestException):
        return None
    if isinstance(error, requests.exceptions.InvalidURL):
        return RefusedError(f"{doing}: that is not an address; write http://host:port")
    where = _host(error.request.url if error.request is not None else None)
    status = error.response.status_code if error.response is not None else None
    if status is not None and str(status) in _STORAGE_MISTAKES:
        return RefusedError(f"{doing}: {where} says {status}: {_STORAGE_MISTAKES[str(status)]}")
    if status is not None:
        return TrackingError(f"{doing}: {where} answered {status}; look into the server's log, and try again")
    return TrackingError(
        f"{doing}: {where} does not answer ({no_answer_reason(error)}); check that it runs, and try again"
    )


def _host(url: str | None) -> str:
    """The part of an address that may be shown and says enough."""
    shown = without_secrets(url or "")
    if not is_readable(shown):
        return "the server"
    parts = urlsplit(shown)
    if not parts.hostname:
        return "the server"
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _from_files(doing: str, error: BaseException) -> InterpError | None:
    if not isinstance(error, OSError):
        return None
    unnamed = f"temporary files, {tempfile.gettempdir()}" if error.errno in _NO_ROOM else "no file named"
    said = f"{error.strerror or first_line(error)}: {error.filename or unnamed}"
    if error.errno in _NO_RIGHT:
        return RefusedError(f"{doing}: no permission to write ({said}); change its owner or mode, or write elsewhere")
    if error.errno in _NO_PLACE:
        return RefusedError(f"{doing}: no folder can be made there ({said}); remove what is in the way")
    return TrackingError(f"{doing}: {said}; see to it and try again")
