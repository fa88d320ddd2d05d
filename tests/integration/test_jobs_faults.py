"""Databases that are locked, deleted, replaced, full of rubbish, stopped, frozen or not there at all."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from harness.job_databases import DRIVERS, JobDatabase, claimed, new_job, new_job_database
from harness.postgres import postgres_server
from harness.process import free_ports
from harness.severed_line import silent_server
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

from interp_pipeline.errors import TrackingError
from mlflow_plugin.jobs import JobTable, claims

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.postgres import Postgres
    from sqlalchemy import Connection

POSTGRES_DRIVERS = [driver for driver in DRIVERS if driver != "sqlite"]


def failure(action: Callable[[], object]) -> str:
    """The one line an action fails with."""
    with pytest.raises(TrackingError) as failed:
        action()
    message = str(failed.value)
    assert message.startswith("the job table ")
    assert "\n" not in message
    assert "SELECT" not in message
    assert "INSERT" not in message
    return message


# --- SQLite -----------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "jobs.db"


@pytest.fixture
def table(file: Path) -> Iterator[JobTable]:
    opened = JobTable.open(f"sqlite:///{file}", patience_s=0.3)
    yield opened
    opened.close()


def test_the_file_and_its_folder_are_made_for_this_user_alone(table: JobTable, file: Path) -> None:
    assert table.counts()["pending"] == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_locked_file_fails_and_recovers(table: JobTable, file: Path) -> None:
    table.add([new_job("k")])
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "database is locked; another program keeps it locked" in failure(lambda: table.claim("a", 60))
        assert table.counts()["pending"] == 1  # reading goes on
        other.execute("ROLLBACK")
    assert claimed(table).key == "k"


def test_a_lock_that_is_held_briefly_is_waited_for(file: Path) -> None:
    table = JobTable.open(f"sqlite:///{file}", patience_s=30)
    table.add([new_job("k")])
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.5, lambda: other.execute("ROLLBACK"))
        release.start()
        assert claimed(table).key == "k"
        release.join()
    table.close()


def test_a_file_somebody_writes_to_in_the_old_mode_is_opened_once_it_is_free(file: Path) -> None:
    file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE experiments (id INTEGER)")
        other.execute("BEGIN EXCLUSIVE")
        assert "database is locked" in failure(lambda: JobTable.open(f"sqlite:///{file}", patience_s=0.2))
        release = threading.Timer(0.5, lambda: other.execute("ROLLBACK"))
        release.start()
        JobTable.open(f"sqlite:///{file}", patience_s=30).close()
        release.join()
    with contextlib.closing(sqlite3.connect(file)) as later:
        assert later.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_deleted_file_is_made_anew_and_nobody_holds_anything(
    table: JobTable, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table.add([new_job("k")])
    job = claimed(table)
    file.unlink()
    assert not table.heartbeat(job, 60)
    assert "was lost or replaced, and is made anew" in caplog.text
    assert not table.finish(job, "published")
    assert table.states() == {}
    assert table.begin_scan(3600)
    assert table.add([new_job("k")]) == 1
    assert claimed(table, "b").key == "k"
    assert not table.holds(job)


def test_a_deleted_folder_fails_until_the_table_is_opened_again(table: JobTable, file: Path) -> None:
    shutil.rmtree(file.parent)
    assert "unable to open database file; check that its folder exists" in failure(table.counts)
    JobTable.open(f"sqlite:///{file}").close()
    assert table.counts()["pending"] == 0


@pytest.mark.parametrize("put_back", [shutil.copy, shutil.move], ids=["in place", "as another file"])
def test_an_old_copy_is_taken_as_it_is_and_fences_all_the_same(
    table: JobTable, file: Path, tmp_path: Path, put_back: Callable[[Path, Path], object]
) -> None:
    table.add([new_job("done"), new_job("running", 1)])
    copy = Path(shutil.copy(file, tmp_path / "copy.db"))  # between two transactions the file alone is all there is
    table.finish(claimed(table), "published")
    running = claimed(table)
    table.add([new_job("new")])
    put_back(copy, file)
    assert {key: each.state for key, each in table.states().items()} == {"done": "pending", "running": "pending"}
    assert not table.holds(running)
    assert not table.finish(running, "published")
    assert table.add([new_job(key) for key in ("done", "running", "new")]) == 1
    assert {claimed(table, "b").key for _ in range(3)} == {"done", "running", "new"}


def test_a_dropped_table_is_made_anew(table: JobTable, file: Path) -> None:
    table.add([new_job("k")])
    JobDatabase(uri=f"sqlite:///{file}").sql("DROP TABLE interp_jobs")
    assert table.claim("a", 60) is None
    assert table.add([new_job("k")]) == 1


@pytest.mark.parametrize("rubbish", [b"no database at all " * 500, b"SQLite format 3\x00" + b"\xff" * 8176])
def test_a_damaged_file_is_told_with_what_to_do(table: JobTable, file: Path, rubbish: bytes) -> None:
    table.add([new_job("k")])
    file.write_bytes(rubbish)
    assert "move it away with its -wal and -shm files" in failure(lambda: table.claim("a", 60))
    file.unlink()
    assert table.add([new_job("k")]) == 1


def test_a_full_disk_fails_and_recovers(table: JobTable) -> None:
    opened = table._database._engine

    def fill(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 16")  # SQLite then says what it says of a full disk

    event.listen(opened, "connect", fill)
    jobs = [new_job(f"{i:064}") for i in range(1000)]
    assert "database or disk is full; make room on its disk" in failure(lambda: table.add(jobs))
    event.remove(opened, "connect", fill)
    assert table.counts()["pending"] == 0
    assert table.add(jobs) == 1000


# --- PostgreSQL -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    """A PostgreSQL that this module may stop and freeze."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=POSTGRES_DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fragile(own_server: Postgres, driver: str) -> str:
    """URI of a database on that server."""
    return own_server.new_database().replace("psycopg2", driver)


def test_a_server_that_is_stopped_and_started_again(own_server: Postgres, fragile: str) -> None:
    table = JobTable.open(fragile, patience_s=2)
    table.add([new_job("k")])
    job = claimed(table)
    own_server.server.stop()
    own_server.server.ensure_postgres_running()
    assert table.heartbeat(job, 60)  # the line that broke meanwhile is noticed before it is used
    own_server.server.stop()
    try:
        assert "check that the database runs" in failure(lambda: table.heartbeat(job, 60))
        failure(table.counts)
    finally:
        own_server.server.ensure_postgres_running()
    assert table.heartbeat(job, 60)
    assert table.finish(job, "published")
    table.close()


@contextlib.contextmanager
def frozen(server: Postgres) -> Iterator[None]:
    """Stop every process of the server for the length of the block, without telling anybody."""
    main = psutil.Process(server.server.get_pid())
    processes = [main, *main.children(recursive=True)]
    for each in processes:
        each.suspend()
    try:
        yield
    finally:
        for each in processes:
            each.resume()


def test_a_frozen_server_is_given_up(own_server: Postgres, fragile: str) -> None:
    table = JobTable.open(fragile, patience_s=1.5)
    table.add([new_job("k")])
    with frozen(own_server):
        failure(lambda: table.claim("a", 60))  # on a connection that is open
        failure(table.counts)  # on a new one, if there were one to be had
    assert claimed(table).key == "k"
    table.close()


def test_a_lock_in_the_server_is_given_up(fragile: str) -> None:
    table = JobTable.open(fragile, patience_s=1.5)
    table.add([new_job("k")])
    with create_engine(fragile, poolclass=NullPool).begin() as other:
        other.execute(text("LOCK TABLE interp_jobs"))
        assert "canceling statement due to statement timeout" in failure(lambda: table.claim("a", 60))
    assert claimed(table).key == "k"
    table.close()


def test_a_worker_that_stops_half_way_does_not_keep_its_locks(fragile: str) -> None:
    stopped, table = JobTable.open(fragile, patience_s=1.5), JobTable.open(fragile, patience_s=5)
    table.add([new_job("k")])
    deadline = time.monotonic() + 300

    def claim_and_sleep(connection: Connection) -> None:
        assert claims.claim(connection, "stopped", 60)
        while table.claim("heir", 60) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    failure(lambda: stopped._database.write(claim_and_sleep))  # it wakes up, and its line is gone
    assert table.select(["running"], 5)[0].owner == "heir"
    stopped.close()
    table.close()


def test_dropped_tables_are_made_anew(fragile: str) -> None:
    table = JobTable.open(fragile)
    table.add([new_job("k")])
    job = claimed(table)
    JobDatabase(uri=fragile).sql("DROP TABLE interp_jobs, interp_notes")
    assert not table.heartbeat(job, 60)
    assert table.add([new_job("k")]) == 1
    table.note("credit", 1)
    assert len(table.take_notes()) == 1
    table.close()


@pytest.mark.parametrize("answers", [False, True], ids=["nobody", "silence"])
def test_a_server_that_is_not_there_is_named_without_the_password(driver: str, answers: bool) -> None:  # noqa: FBT001 - a case
    with silent_server() if answers else contextlib.nullcontext(f"http://127.0.0.1:{free_ports(1)[0]}") as address:
        uri = address.replace("http://", f"postgresql+{driver}://me:s3cr3t@") + "/db?application_name=s3cr3t"
        message = failure(lambda: JobTable.open(uri, patience_s=0.4))
    assert f"postgresql+{driver}://127.0.0.1:" in message
    assert "s3cr3t" not in message


def test_a_database_that_does_not_exist_is_named(own_server: Postgres, driver: str) -> None:
    url = make_url(own_server.new_database()).set(drivername=f"postgresql+{driver}", database="nowhere")
    uri = url.render_as_string(hide_password=False)
    assert 'database "nowhere" does not exist' in failure(lambda: JobTable.open(uri))


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_method_fails_as_a_tracking_error(driver: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = new_job_database(driver, tmp_path, request)
    table = JobTable.open(database.uri, patience_s=1)
    table.add([new_job("k")])
    job = claimed(table)
    if driver == "sqlite":
        (tmp_path / "jobs.db").write_bytes(b"no database at all " * 500)
    else:
        name = make_url(database.uri).database
        other = make_url(database.uri).set(database="postgres").render_as_string(hide_password=False)
        _drop(other, str(name))
    for action in (
        lambda: table.add([new_job("k")]),
        lambda: table.claim("a", 60),
        lambda: table.heartbeat(job, 60),
        lambda: table.holds(job),
        lambda: table.finish(job, "published"),
        lambda: table.postpone(job, 1, error_class="X", error="x", crashed=False),
        lambda: table.release(job),
        lambda: table.reopen(["k"]),
        lambda: table.retire(["k"], "why"),
        table.states,
        table.counts,
        table.failures_by_class,
        table.oldest_unexplained_s,
        lambda: table.select(["pending"], 5),
        lambda: table.note("credit", 1),
        table.take_notes,
        lambda: table.begin_scan(60),
        table.end_scan,
        table.last_scan_age_s,
    ):
        failure(action)
    table.close()


def _drop(uri: str, name: str) -> None:
    engine = create_engine(uri, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
