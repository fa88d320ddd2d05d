import socket
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from interp_pipeline.data.s3_source import _readable_errors
from interp_pipeline.data.sources import read_table
from interp_pipeline.errors import InterpError, TrackingError, UsageError


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def nobody() -> str:
    """An endpoint where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_no_credentials(nobody: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", nobody)
    with pytest.raises(UsageError, match=r"^s3://b-b-b/x\.csv cannot be read: Unable to locate credentials; check"):
        read_table("s3://b-b-b/x.csv")


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL"])
def test_every_endpoint_variable_counts(nobody: str, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, nobody)
    with pytest.raises(TrackingError, match=rf"^s3://b-b-b/x\.csv: {nobody} did not answer \(EndpointConnection"):
        read_table("s3://b-b-b/x.csv")


@pytest.mark.usefixtures("credentials")
def test_the_endpoint_for_s3_comes_before_that_for_mlflow(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", nobody)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(TrackingError, match=nobody):
        read_table("s3://b-b-b/folder/")


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MLFLOW_S3_ENDPOINT_URL", "no address", "Invalid endpoint: no address; check AWS_ENDPOINT_URL"),
        ("AWS_PROFILE", "nobody", r"The config profile \(nobody\) could not be found; check credentials"),
    ],
)
def test_settings_that_cannot_be(monkeypatch: pytest.MonkeyPatch, variable: Any, value: Any, message: Any) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=message):
        read_table("s3://b-b-b/x.csv")


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("s3:///x.csv", "^s3:///x.csv names no bucket: write s3://bucket/key.csv or s3://bucket/folder/$"),
        ("s3://Not_A bucket!/x.csv", "cannot be read: .*Invalid bucket name"),
    ],
)
def test_addresses_that_cannot_be(source: Any, message: Any) -> None:
    with pytest.raises(UsageError, match=message):
        read_table(source)


@pytest.mark.parametrize(
    ("code", "status", "kind", "message"),
    [
        ("NoSuchBucket", 404, UsageError, "there is no bucket 'b'; check the name and the endpoint"),
        ("AccessDenied", 403, UsageError, r"access denied \(AccessDenied\); these credentials may not read it"),
        ("InvalidAccessKeyId", 403, UsageError, r"the credentials are not accepted \(InvalidAccessKeyId\)"),
        ("ExpiredToken", 400, UsageError, "the credentials are not accepted"),
        ("SlowDown", 503, TrackingError, r"the storage failed \(SlowDown\); try again later"),
        ("Strange", 502, TrackingError, r"the storage failed \(Strange\)"),
        ("InvalidObjectState", 400, UsageError, "cannot be read: the storage answered InvalidObjectState"),
    ],
)
def test_answers_of_a_storage(code: str, status: int, kind: type[InterpError], message: str) -> None:
    answer = {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(kind, match=message) as caught, _readable_errors("s3://b/x.csv", "b"):
        raise ClientError(answer, "GetObject")
    assert type(caught.value) is kind
