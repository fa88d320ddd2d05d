"""What MLflow and the storages raise, as errors that say whose turn it is: real exceptions, constructed."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import sqlalchemy.exc
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from mlflow.exceptions import MlflowException, RestException
from mlflow.protos import databricks_pb2

from interp_pipeline.errors import ModelError, RefusedError, TrackingError
from interp_pipeline.tracking.server.translate_errors import first_line, translated


def _mlflow(code: str) -> MlflowException:
    return MlflowException(f"said {code}\nand more", error_code=databricks_pb2.ErrorCode.Value(code))


def _rest(code: str) -> RestException:
    return RestException({"error_code": code, "message": f"said {code}"})


def _s3(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutObject")


def _http(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    request = requests.Request("GET", "http://ann:hunter2@example.org:5000/api/2.0?token=hunter2").prepare()
    return requests.HTTPError(f"{status} Error", response=response, request=request)


def _database(said: str) -> sqlalchemy.exc.OperationalError:
    return sqlalchemy.exc.OperationalError("INSERT INTO runs VALUES (?)", {"a": "hunter2"}, Exception(said))


@pytest.mark.parametrize(
    ("raised", "expected", "says"),
    [
        (_mlflow("RESOURCE_DOES_NOT_EXIST"), RefusedError, "does not exist, or was deleted"),
        (_rest("RESOURCE_DOES_NOT_EXIST"), RefusedError, "does not exist, or was deleted"),
        (_mlflow("RESOURCE_ALREADY_EXISTS"), RefusedError, "exists already"),
        (_mlflow("INVALID_PARAMETER_VALUE"), RefusedError, "refused a value"),
        (_rest("PERMISSION_DENIED"), RefusedError, "no permission"),
        (_rest("UNAUTHENTICATED"), RefusedError, "MLFLOW_TRACKING_USERNAME"),
        (_mlflow("INTERNAL_ERROR"), TrackingError, "check the tracking server"),
        (_rest("TEMPORARILY_UNAVAILABLE"), TrackingError, "check the tracking server"),
        (_s3("AccessDenied", 403), RefusedError, "no permission"),
        (_s3("NoSuchBucket", 404), RefusedError, "the bucket does not exist"),
        (_s3("NoSuchKey", 404), RefusedError, "the object does not exist"),
        (_s3("InvalidAccessKeyId", 403), RefusedError, "the access key is unknown"),
        (_s3("SignatureDoesNotMatch", 403), RefusedError, "the secret key is wrong"),
        (_s3("SlowDown", 503), TrackingError, "answered SlowDown"),
        (_s3("InternalError", 500), TrackingError, "answered InternalError"),
        (NoCredentialsError(), RefusedError, "AWS_ACCESS_KEY_ID"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), TrackingError, "does not answer"),
        (_http(403), RefusedError, "http://example.org:5000 says 403"),
        (_http(500), TrackingError, "http://example.org:5000 answered 500"),
        (requests.ConnectionError("Connection refused"), TrackingError, "does not answer"),
        (requests.Timeout("slow"), TrackingError, "does not answer"),
        (PermissionError(13, "Permission denied", "/models/x"), RefusedError, "/models/x"),
        (OSError(28, "No space left on device", "/models/x"), TrackingError, "No space left on device"),
        (OSError(30, "Read-only file system", "/models/x"), RefusedError, "no permission to write"),
        (_database("attempt to write a readonly database"), RefusedError, "no right to do so"),
        (_database("could not connect to server"), TrackingError, "could not connect to server"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_answer_becomes_an_error_of_ours(raised: Exception, expected: type[Exception], says: str) -> None:
    with pytest.raises(expected) as caught, translated("reading models:/a/1"):
        raise raised
    message = str(caught.value)
    assert type(caught.value) is expected
    assert message.startswith("reading models:/a/1: ")
    assert says in message
    assert "\n" not in message
    assert "hunter2" not in message
    assert caught.value.__cause__ is raised


def test_what_mlflow_wraps_decides() -> None:
    """Whether another try makes sense is known to the storage, not to the layer above it."""
    wrapper = MlflowException("could not upload")
    wrapper.__cause__ = _s3("AccessDenied", 403)
    with pytest.raises(RefusedError, match="no permission"), translated("writing"):
        raise wrapper


def test_a_code_that_only_the_text_names_counts_too() -> None:
    msg = "Transfer failed: An error occurred (AccessDenied) when calling the PutObject operation"
    with pytest.raises(RefusedError, match="no permission"), translated("writing"):
        raise MlflowException(msg)


@pytest.mark.parametrize("raised", [ModelError("said already"), KeyError("a defect"), ZeroDivisionError()])
def test_what_is_ours_or_a_defect_passes_untouched(raised: Exception) -> None:
    with pytest.raises(type(raised)) as caught, translated("reading"):
        raise raised
    assert caught.value is raised


def test_nothing_happens_where_nothing_is_raised() -> None:
    with translated("reading"):
        done = True
    assert done


def test_the_first_line_of_an_error() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError("  \n")) == "ValueError"
