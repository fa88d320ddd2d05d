"""What MLflow and the storages answer when they cannot do as asked, as errors of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from interp_pipeline.errors import TrackingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow.exceptions import MlflowException

    from interp_pipeline.errors import InterpError

__all__ = ["first_line", "translated"]

_CALLER_MISTAKES = {
    "RESOURCE_DOES_NOT_EXIST": "it does not exist, or was deleted",
    "RESOURCE_ALREADY_EXISTS": "it exists already",
    "INVALID_PARAMETER_VALUE": "the server refused a value",
    "PERMISSION_DENIED": "you have no permission; ask for the right, or use other credentials",
    "UNAUTHENTICATED": "the server does not know you; set MLFLOW_TRACKING_USERNAME and _PASSWORD or a token",
    "ENDPOINT_NOT_FOUND": "no MLflow server of a fitting version answers at this address",
}
_STORAGE_MISTAKES = {
    "AccessDenied": "no permission",
    "InvalidAccessKeyId": "the access key is unknown",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "NoSuchBucket": "the bucket does not exist",
    "NoSuchKey": "the object does not exist",
    "404": "it does not exist",
    "403": "no permission",
}


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what MLflow, requests, boto3 and the file system raise into the tree of ``errors``.

    Args:
        doing: what is being tried, as the start of the message: ``reading models:/a/1``.

    Raises:
        UsageError: the thing does not exist, the right is missing, or a value was refused.
        TrackingError: no answer, or an answer that another try may change.
    """
    import botocore.exceptions
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise _from_mlflow(doing, error) from error
    except botocore.exceptions.ClientError as error:
        raise _from_storage(doing, str(error.response.get("Error", {}).get("Code", "")), error) from error
    except botocore.exceptions.NoCredentialsError as error:
        msg = f"{doing}: no S3 credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        raise UsageError(msg) from error
    except PermissionError as error:
        msg = f"{doing}: no permission to write {error.filename}; change its owner or mode, or write elsewhere"
        raise UsageError(msg) from error
    except (botocore.exceptions.BotoCoreError, requests.RequestException) as error:
        msg = f"{doing}: the server or storage does not answer ({first_line(error)}); check the address and try again"
        raise TrackingError(msg) from error
    except OSError as error:
        msg = f"{doing}: {error.strerror or first_line(error)} ({error.filename or 'no file named'})"
        raise TrackingError(msg) from error


def _from_mlflow(doing: str, error: MlflowException) -> InterpError:
    code = str(getattr(error, "error_code", ""))
    line = first_line(error)
    cause: BaseException | None = error
    while cause is not None:  # MLflow wraps what boto3 and the file system said
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return _from_storage(doing, str(response.get("Error", {}).get("Code", "")), cause)
        if isinstance(cause, PermissionError):
            return UsageError(f"{doing}: no permission to write {cause.filename}; change its owner or mode")
        cause = cause.__cause__ or cause.__context__
    for mark, meaning in _STORAGE_MISTAKES.items():
        if f"({mark})" in line:
            return UsageError(f"{doing}: {meaning} ({line})")
    if code in _CALLER_MISTAKES:
        return UsageError(f"{doing}: {_CALLER_MISTAKES[code]} ({line})")
    return TrackingError(f"{doing}: {line}; check the tracking server and try again")


def _from_storage(doing: str, code: str, error: BaseException) -> InterpError:
    if code in _STORAGE_MISTAKES:
        return UsageError(f"{doing}: {_STORAGE_MISTAKES[code]} ({first_line(error)})")
    return TrackingError(f"{doing}: the storage answered {code or 'nothing'} ({first_line(error)}); try again")
