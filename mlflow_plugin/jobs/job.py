"""What is known of one explanation that is due, under way or finished, as value objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from interp_pipeline.errors import UsageError

__all__ = ["CLOSED", "OPEN", "STATES", "Belonging", "Job", "NewJob", "Note", "Outcome", "Standing", "State"]

Outcome = Literal["published", "failed", "skipped", "gone"]  # what ends a job
State = Literal["pending", "running", "published", "failed", "skipped", "gone"]

OPEN: tuple[State, ...] = ("pending", "running")  # an explanation is still to come
CLOSED: tuple[Outcome, ...] = ("published", "failed", "skipped", "gone")
STATES: tuple[State, ...] = (*OPEN, *CLOSED)

_LARGEST_VERSION = 2**31 - 1  # of MLflow's tables


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """An explanation that somebody found to be due."""

    key: str  # identity of the explanation; the table holds each key once
    name: str  # of the registered model
    version: int  # of that model
    created_ms: int  # when the version was registered, by the registry's clock; epoch ms
    workspace: str  # of the tracking server; empty where it has none


@dataclass(frozen=True, kw_only=True)
class Job(NewJob):
    """One row of the table. All times but ``created_ms`` are the database's, in epoch ms."""

    state: State
    attempt: int  # grows by 1 with every claim: together with the owner it fences off whoever lost the job
    owner: str | None  # who runs it, or finished it; None: nobody
    lease_until_ms: int | None  # while it runs: from then on anybody may take it over
    next_attempt_ms: int  # from when on it may be claimed; while it runs, the end of the lease
    crashes: int  # attempts that ended with the death of the process that ran the model
    lapses: int  # leases that ran out under a worker
    failures: int  # attempts in a row for which MLflow, a storage or the database did not answer
    error_class: str | None  # of the last attempt; None: it did not fail
    error: str | None  # in one readable line; of a job that is gone, why
    noticed_ms: int  # when the table first heard of it, or heard that it is due again
    changed_ms: int  # when its state changed last


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a job stands, as far as a scan of ten thousand needs it."""

    version: tuple[str, int, int]  # what it is about: name, number, and creation time in epoch ms
    state: State
    changed_ms: int  # since when; epoch ms of the database
    error_class: str | None  # of the last attempt; None: it did not fail


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """Whose a table is, as whoever asks is told."""

    ours: bool  # it belongs to the configuration of whoever asks
    other: str | None  # the one it belongs to, or belonged to until now; None: to no other


@dataclass(frozen=True, kw_only=True)
class Note:
    """A hint left by whoever saw a registration: look at this version soon."""

    name: str  # of the registered model
    version: int
    workspace: str = ""

    def __post_init__(self) -> None:
        """Refuse what no version can be called: notes come from strangers.

        Raises:
            UsageError: the number is none MLflow could give.
        """
        if not 0 < self.version <= _LARGEST_VERSION:
            msg = f"a version of {self.name!r} cannot have the number {self.version}; MLflow counts from 1"
            raise UsageError(msg)
