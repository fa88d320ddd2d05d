"""Any order of any operations: the table does what a few lines of Python say, and no key runs twice at once."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.job_databases import DRIVERS, JobDatabase, new_job, new_job_database
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mlflow_plugin.jobs import Job, JobTable

if TYPE_CHECKING:
    from mlflow_plugin.jobs import Outcome

KEYS = ("a", "b", "c", "d")
LEASE_S = 1000.0  # and all other times are as long: what a test takes itself does not matter beside them
keys = st.sampled_from(KEYS)
owners = st.sampled_from(["p", "q", "r"])
claims = st.integers(0, 30)


@dataclasses.dataclass
class Entry:
    """What the model knows of a key."""

    state: str = "pending"
    attempt: int = 0
    owner: str | None = None
    due: float = 0.0  # in s of the model's clock
    noticed: float = 0.0
    crashes: int = 0
    lapses: int = 0
    failures: int = 0


class Jobs(RuleBasedStateMachine):
    """The table beside its model."""

    database: JobDatabase

    def __init__(self) -> None:
        super().__init__()
        self.table = JobTable.open(self.database.uri)
        self.table._database.write(lambda connection: connection.exec_driver_sql("DELETE FROM interp_jobs"))
        self.now = 0.0
        self.entries: dict[str, Entry] = {}
        self.claimed: list[Job] = []  # all there ever were, most of them stale

    def teardown(self) -> None:
        self.table.close()

    @rule(some=st.sets(keys))
    def add(self, some: set[str]) -> None:
        due = [key for key in some if self.state(key) in {None, "gone"}]
        assert self.table.add(new_job(key) for key in some) == len(due)
        for key in due:
            self.begin_anew(key)

    @rule(owner=owners)
    def claim(self, owner: str) -> None:
        job = self.table.claim(owner, LEASE_S)
        for state in ("running", "pending"):
            due = {k: e.due for k, e in self.entries.items() if e.state == state and e.due <= self.now}
            if due:
                assert job is not None
                assert due.get(job.key) == min(due.values())
                entry = self.entries[job.key]
                entry.lapses += state == "running"
                entry.state, entry.attempt, entry.owner = "running", entry.attempt + 1, owner
                entry.due = self.now + LEASE_S
                self.claimed.append(job)
                return
        assert job is None

    @rule(which=claims)
    def heartbeat(self, which: int) -> None:
        job = self.pick(which)
        if job is None:
            return
        held = self.is_held(job)
        assert self.table.heartbeat(job, LEASE_S) is held
        if held:
            self.entries[job.key].due = self.now + LEASE_S

    @rule(which=claims, delay_s=st.sampled_from([0.0, 300.0, 3000.0]), crashed=st.booleans())
    def postpone(self, which: int, delay_s: float, *, crashed: bool) -> None:
        job = self.pick(which)
        if job is None:
            return
        held = self.is_held(job)
        assert self.table.postpone(job, delay_s, error_class="X", error="x", crashed=crashed) is held
        if held:
            entry = self.entries[job.key]
            entry.state, entry.owner, entry.due = "pending", None, self.now + delay_s
            entry.crashes += crashed
            entry.failures = 0 if crashed else entry.failures + 1

    @rule(which=claims)
    def release(self, which: int) -> None:
        job = self.pick(which)
        if job is None:
            return
        held = self.is_held(job)
        assert self.table.release(job) is held
        if held:
            entry = self.entries[job.key]
            entry.state, entry.owner, entry.due = "pending", None, entry.noticed

    @rule(which=claims, outcome=st.sampled_from(["published", "failed", "skipped", "gone"]))
    def finish(self, which: int, outcome: Outcome) -> None:
        job = self.pick(which)
        if job is None:
            return
        entry = self.entries[job.key]
        again = (entry.state, entry.owner, entry.attempt) == (outcome, job.owner, job.attempt)
        held = self.is_held(job)
        assert self.table.finish(job, outcome) is (held or again)
        if held:
            entry.state, entry.failures = outcome, 0

    @rule(some=st.sets(keys))
    def reopen(self, some: set[str]) -> None:
        closed = [key for key in some if self.state(key) not in {None, "pending", "running"}]
        assert self.table.reopen(some) == len(closed)
        for key in closed:
            self.begin_anew(key)

    @rule(some=st.sets(keys))
    def retire(self, some: set[str]) -> None:
        there = [key for key in some if self.state(key) not in {None, "gone"}]
        assert self.table.retire(some, "why") == len(there)
        for key in there:
            self.entries[key].state, self.entries[key].owner = "gone", None

    @rule(seconds=st.sampled_from([100.0, 600.0, 2000.0]))
    def let_pass(self, seconds: float) -> None:
        self.database.let_pass(seconds)
        self.now += seconds

    @invariant()
    def a_key_never_runs_twice_at_once(self) -> None:
        holding = [job.key for job in self.claimed if self.table.holds(job)]
        assert len(holding) == len(set(holding))
        running = {key for key, entry in self.entries.items() if entry.state == "running" and entry.due > self.now}
        assert set(holding) == running

    @invariant()
    def the_table_says_what_the_model_says(self) -> None:
        found = {job.key: job for job in self.table.select(list(self.table.counts()), 10)}
        assert found.keys() == self.entries.keys()
        for key, entry in self.entries.items():
            for name in ("state", "attempt", "owner", "crashes", "lapses", "failures"):
                assert getattr(found[key], name) == getattr(entry, name), (key, name)

    def state(self, key: str) -> str | None:
        return self.entries[key].state if key in self.entries else None

    def pick(self, which: int) -> Job | None:
        """One of all claims so far, the newest most often."""
        return self.claimed[-1 - which % len(self.claimed)] if self.claimed else None

    def is_held(self, job: Job) -> bool:
        """Whether the job is still run under this claim, also after its lease ran out."""
        entry = self.entries[job.key]
        return (entry.state, entry.owner, entry.attempt) == ("running", job.owner, job.attempt)

    def begin_anew(self, key: str) -> None:
        attempt = self.entries[key].attempt if key in self.entries else 0
        self.entries[key] = Entry(attempt=attempt, due=self.now, noticed=self.now)


@pytest.mark.parametrize("driver", DRIVERS)
def test_any_order_of_operations(driver: str, request: pytest.FixtureRequest) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:  # noqa: S108 - memory: SQLite waits for a disk at every change
        machine: Any = type("JobsOn" + driver, (Jobs,), {"database": new_job_database(driver, Path(folder), request)})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
