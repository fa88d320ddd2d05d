"""The servers the other tests rest on are real, work together, and are what their fixtures promise."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy
from botocore.exceptions import ClientError
from harness.process import ServerStartError, bare_environment, running

if TYPE_CHECKING:
    from pathlib import Path

    from harness.postgres import Postgres
    from harness.s3 import S3Server
    from playwright.sync_api import Page


def test_s3_keeps_objects_and_refuses_a_reader_who_writes(s3: S3Server) -> None:
    s3.client.put_object(Bucket=s3.bucket, Key="a/b.txt", Body=b"hello")

    reader = s3.as_reader().client
    assert reader.get_object(Bucket=s3.bucket, Key="a/b.txt")["Body"].read() == b"hello"
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.put_object(Bucket=s3.bucket, Key="a/c.txt", Body=b"no")


def test_s3_fixture_points_boto3_to_the_server(s3: S3Server) -> None:
    import boto3

    s3.client.put_object(Bucket=s3.bucket, Key="found", Body=b"1")
    assert boto3.client("s3").head_object(Bucket=s3.bucket, Key="found")["ContentLength"] == 1


def test_postgres_gives_each_asker_an_empty_database(postgres: Postgres) -> None:
    first, second = (sqlalchemy.create_engine(postgres.new_database()) for _ in range(2))
    with first.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (i int)"))
        assert "PostgreSQL" in connection.execute(sqlalchemy.text("SELECT version()")).scalar_one()
    assert sqlalchemy.inspect(first).get_table_names() == ["t"]
    assert sqlalchemy.inspect(second).get_table_names() == []
    first.dispose()
    second.dispose()


def test_proxied_artifacts_reach_s3_without_credentials_on_the_client(
    proxying_server: str, s3_process: S3Server
) -> None:
    assert not any(name.startswith("AWS_") for name in os.environ)
    assert _stored_text(proxying_server) == "hello"
    assert _keys(s3_process, "proxied/")


def test_direct_artifacts_reach_s3(direct_server: str, s3: S3Server) -> None:
    assert _stored_text(direct_server) == "hello"
    assert _keys(s3, "direct/")


def _stored_text(uri: str) -> str:
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("servers")
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "a/note.txt")
    return str(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/a/note.txt"))


def _keys(server: S3Server, prefix: str) -> list[str]:
    return [each["Key"] for each in server.client.list_objects_v2(Bucket=server.bucket, Prefix=prefix)["Contents"]]


def test_browser_reaches_local_pages_and_nothing_else(page: Page, proxying_server: str) -> None:
    page.goto(f"{proxying_server}/health")
    assert page.locator("body").inner_text() == "OK"
    assert page.evaluate("fetch('http://192.0.2.1/').then(() => 'reached', () => 'refused')") == "refused"


def test_a_server_that_fails_to_start_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('the disk is full')"]
    server = running(command, ready=lambda: False, log=tmp_path / "log", environment=bare_environment())
    with pytest.raises(ServerStartError, match=r"exit code 1 before it was ready(.|\n)*the disk is full"), server:
        pytest.fail("the block must not run")


def test_a_server_and_what_it_started_are_gone_after_the_block(tmp_path: Path) -> None:
    report = tmp_path / "pids.json"
    code = (
        "import json, os, subprocess, sys, time, pathlib;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"pathlib.Path({str(report)!r} + '.new').write_text(json.dumps([os.getpid(), child.pid]));"
        f"os.replace({str(report)!r} + '.new', {str(report)!r});"
        "time.sleep(600)"
    )
    with running([sys.executable, "-c", code], ready=report.exists, log=tmp_path / "log", environment=os.environ):
        pids = json.loads(report.read_text())
    deadline = time.monotonic() + 300  # the kernel takes a moment to bury them
    while any(map(_is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(_is_alive, pids))


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as status:  # noqa: PTH123 - not a file of ours
            return status.read().rsplit(")", 1)[1].split()[0] != "Z"  # a zombie waits for its new parent only
    except FileNotFoundError:
        return False
