"""Fetch a file, or the files of a folder, from S3 or a storage that speaks like it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from interp_pipeline.addresses import without_secrets
from interp_pipeline.data.table_size import require_size
from interp_pipeline.errors import InterpError, TrackingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

__all__ = ["download_s3"]

_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 60
_ATTEMPTS = 3

_REFUSED = {"AccessDenied", "AllAccessDisabled", "403", "Forbidden"}
_BAD_CREDENTIALS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthFailure"}
_TRY_LATER = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "RequestTimeTooSkewed"}
_NO_KEY = {"NoSuchKey", "404"}


def download_s3(
    source: str, folder: Path, known: frozenset[str], max_bytes: int | None = None
) -> list[tuple[Path, str]]:
    """Fetch what an address means.

    Credentials and region come from where boto3 looks for them, the endpoint from
    ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL`` or, as for MLflow's artifacts,
    ``MLFLOW_S3_ENDPOINT_URL``.

    Args:
        source: ``s3://bucket/key.csv``, or a folder such as ``s3://bucket/prefix/``.
        folder: an existing local folder the files are written to.
        known: suffixes that can be read, with their dot.
        max_bytes: how large all files together may be; None: no limit.

    Returns:
        Local path and ``s3://`` address of each file, by ascending address.

    Raises:
        UsageError: bucket, key or credentials are missing or not accepted.
        SourceRefusedError: they are larger; nothing was fetched.
        TrackingError: the storage did not answer.
    """
    bucket, key = _bucket_and_key(source)
    with _readable_errors(source, bucket):
        client = _client()
        is_file = PurePosixPath(key).suffix.lower() in known and not key.endswith("/")
        if is_file:
            path = _fetch(client, bucket, key, folder / f"0{PurePosixPath(key).suffix.lower()}", max_bytes)
            if path is not None:
                return [(path, source)]
        # a data frame that Spark wrote is a folder called like a file
        prefix = key if key.endswith("/") or not key else f"{key}/"
        return _fetch_folder(client, bucket, prefix, folder, known, max_bytes) or _raise_nothing_there(
            source, is_file, known
        )


def _bucket_and_key(source: str) -> tuple[str, str]:
    try:
        parts = urlsplit(source, allow_fragments=False)
    except ValueError as error:
        msg = f"{source} names no bucket: write s3://bucket/key.csv or s3://bucket/folder/"
        raise UsageError(msg) from error
    if "@" in parts.netloc:
        msg = f"{without_secrets(source)}: an S3 address takes no login; set AWS_ACCESS_KEY_ID and its secret"
        raise UsageError(msg)
    # "?" may be part of a key: S3 addresses have no query
    key = parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
    if not parts.netloc:
        msg = f"{source} names no bucket: write s3://bucket/key.csv or s3://bucket/folder/"
        raise UsageError(msg)
    return parts.netloc, key


def _client() -> S3Client:
    import boto3
    from botocore.config import Config

    own = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    )
    # boto3 reads the first two variables itself, by rules of its own for profiles
    endpoint = None if own else os.environ.get("MLFLOW_S3_ENDPOINT_URL") or None
    return boto3.session.Session().client("s3", endpoint_url=endpoint, config=config)


def _fetch(client: S3Client, bucket: str, key: str, path: Path, max_bytes: int | None) -> Path | None:
    """Fetch one object; None if there is none. ``get_object``, since the answer to a HEAD request has no reason."""
    from botocore.exceptions import ClientError

    try:
        answer = client.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"].get("Code") in _NO_KEY:
            return None
        raise
    with answer["Body"] as body:
        require_size(answer["ContentLength"], f"s3://{bucket}/{key}", max_bytes)
        with path.open("wb") as file:
            shutil.copyfileobj(body, file)
    return path


def _fetch_folder(
    client: S3Client, bucket: str, prefix: str, folder: Path, known: frozenset[str], max_bytes: int | None
) -> list[tuple[Path, str]]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    sizes = {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}
    wanted = sorted(key for key in sizes if _is_table(PurePosixPath(key), known))
    require_size(sum(sizes[key] for key in wanted), f"s3://{bucket}/{prefix}", max_bytes)
    files = []
    for number, key in enumerate(wanted):
        path = _fetch(client, bucket, key, folder / f"{number}{PurePosixPath(key).suffix.lower()}", max_bytes)
        if path is None:
            msg = f"s3://{bucket}/{key} was removed while the folder was being read; try again"
            raise TrackingError(msg)
        files.append((path, f"s3://{bucket}/{key}"))
    return files


def _is_table(key: PurePosixPath, known: frozenset[str]) -> bool:
    return key.suffix.lower() in known and not key.name.startswith((".", "_"))


def _raise_nothing_there(source: str, is_file: bool, known: frozenset[str]) -> list[tuple[Path, str]]:  # noqa: FBT001 - two wordings of one message
    if is_file:
        msg = f"{source} does not exist in its bucket; check the key"
    else:
        msg = f"{source} is a folder without files that end in {' or '.join(sorted(known))}; check the prefix"
    raise UsageError(msg)


@contextmanager
def _readable_errors(source: str, bucket: str) -> Iterator[None]:
    """Say in one line what the storage did not like, and sort what may work later from what will not."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,  # noqa: A004 - botocore's own
        HTTPClientError,
        IncompleteReadError,
        SSLError,
    )

    try:
        yield
    except ClientError as error:
        raise _refusal(source, bucket, error) from error
    except SSLError as error:
        msg = f"{source}: the storage's certificate is not trusted; name your authority in AWS_CA_BUNDLE"
        raise UsageError(msg) from error
    except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
        parts = urlsplit(str(error.kwargs.get("endpoint_url", "")))
        storage = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "the storage"
        msg = f"{source}: {storage} did not answer ({error.__class__.__name__}); check the endpoint or try again later"
        raise TrackingError(msg) from error
    except BotoCoreError as error:  # credentials, profile, region or a name that cannot be
        msg = f"{source} cannot be read: {' '.join(str(error).split())}; check credentials and configuration of AWS"
        raise UsageError(msg) from error
    except ValueError as error:  # boto3 on an endpoint that is no URL
        msg = f"{source} cannot be read: {error}; check AWS_ENDPOINT_URL and MLFLOW_S3_ENDPOINT_URL"
        raise UsageError(msg) from error


def _refusal(source: str, bucket: str, error: Exception) -> InterpError:
    answer = getattr(error, "response", {})
    code = str(answer.get("Error", {}).get("Code", "unknown"))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return UsageError(f"{source}: there is no bucket {bucket!r}; check the name and the endpoint")
    if code in _REFUSED:
        return UsageError(f"{source}: access denied ({code}); these credentials may not read it")
    if code in _BAD_CREDENTIALS:
        return UsageError(
            f"{source}: the credentials are not accepted ({code}); check AWS_ACCESS_KEY_ID and its secret"
        )
    if code in _TRY_LATER or status >= 500:  # noqa: PLR2004 - HTTP: the server's own failure
        return TrackingError(f"{source}: the storage failed ({code}); try again later")
    return UsageError(f"{source} cannot be read: the storage answered {code}")
