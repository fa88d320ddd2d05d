"""A store that the tests of the whole pipeline share: each model in it is trained and explained once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.loan_store import LoanStore
    from harness.pipeline import Pipeline


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The embedded store with local artifacts, as a newcomer has it."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # a session's fixture starts before the environment is cleaned
    from harness.pipeline import Pipeline

    return Pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="session")
def loans(tmp_path_factory: pytest.TempPathFactory) -> LoanStore:
    """An embedded store for the tests of errors, which break it and mend it."""
    from harness.loan_store import LoanStore

    with pytest.MonkeyPatch.context() as environment:  # as in a test, which gets this by itself
        for name in [name for name in os.environ if name.startswith(("MLFLOW_", "AWS_", "INTERP_"))]:
            environment.delenv(name)
        environment.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        store = LoanStore.create(tmp_path_factory.mktemp("loans"))
        store.train("loans")
        store.train("loans")
    return store


@pytest.fixture
def loan_store(loans: LoanStore, monkeypatch: pytest.MonkeyPatch) -> LoanStore:
    """The store, with this test's environment pointing to it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", loans.uri)
    return loans
