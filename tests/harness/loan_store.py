"""A small store with a few versions of a model of loans, to which a test may do harm that is undone after it."""

from __future__ import annotations

import contextlib
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.command_line import interp
from mlflow import MlflowClient

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HEADER", "LoanStore", "loan_lines", "replaced"]

HEADER = "income,age,job,target"


def loan_lines(count: int = 60) -> list[str]:
    """Rows of a table whose target can be learned: two numbers, a category, two classes."""
    chance = random.Random(1)  # noqa: S311 - data of a test, the same every time
    lines = []
    for _ in range(count):
        income, age = chance.randint(1000, 9000), chance.randint(18, 80)
        good = income + 30 * age + chance.randint(-800, 800) > 6500
        lines.append(f"{income},{age},{chance.choice(['clerk', 'cook', 'nurse'])},{'yes' if good else 'no'}")
    return lines


@dataclass(frozen=True, kw_only=True)
class LoanStore:
    """Where everything lies, and ways to look at it and to break it."""

    folder: Path
    uri: str  # tracking URI

    @classmethod
    def create(cls, folder: Path, uri: str | None = None) -> LoanStore:
        """A store that holds the table ``loans.csv`` and no model yet."""
        store = cls(folder=folder, uri=uri or f"sqlite:///{folder / 'mlflow.db'}")
        store.table.write_text("\n".join([HEADER, *loan_lines()]) + "\n")
        return store

    @property
    def table(self) -> Path:
        """The table the models are trained on."""
        return self.folder / "loans.csv"

    @property
    def client(self) -> MlflowClient:
        """A client of the store."""
        return MlflowClient(self.uri, self.uri)

    def train(self, name: str, table: Path | None = None) -> str:
        """Train a model; its URI."""
        with contextlib.chdir(self.folder):  # where a new store puts its artifacts
            command = f"train {table or self.table} --name {name} --n-estimators 5 --tracking-uri {self.uri}"
            return interp(command).require_done()

    def run_id(self, uri: str) -> str:
        """The run of a version."""
        name, number = uri.removeprefix("models:/").split("/")
        return str(self.client.get_model_version(name, number).run_id)

    def artifacts(self, uri: str) -> Path:
        """The folder with the artifacts of a version's run."""
        return Path(self.client.get_run(self.run_id(uri)).info.artifact_uri)

    def model_files(self, uri: str) -> Path:
        """The folder with the files of a version's model."""
        name, number = uri.removeprefix("models:/").split("/")
        model_id = str(self.client.get_model_version(name, number).source).removeprefix("models:/")
        return Path(self.client.get_logged_model(model_id).artifact_location)

    def versions(self) -> set[str]:
        """All registered versions."""
        return {f"models:/{each.name}/{each.version}" for each in self.client.search_model_versions()}

    def statuses(self) -> dict[str, str]:
        """Status by run id, of all runs."""
        ids = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return {run.info.run_id: run.info.status for run in self.client.search_runs(ids)}

    def explanations(self) -> dict[str, bytes]:
        """Every file of every published explanation."""
        found = self.folder.glob("mlruns/*/*/artifacts/explanations/**/*")
        return {str(path): path.read_bytes() for path in found if path.is_file()}

    @contextlib.contextmanager
    def unharmed(self) -> Iterator[None]:
        """A failing command registers nothing, leaves no run open, and touches no explanation."""
        versions, runs, explanations = self.versions(), set(self.statuses()), self.explanations()
        yield
        assert self.versions() == versions
        assert {status for run, status in self.statuses().items() if run not in runs} <= {"FAILED"}
        assert self.explanations() == explanations


@contextlib.contextmanager
def replaced(path: Path, content: bytes | None) -> Iterator[None]:
    """A file or folder that is gone (None) or holds something else for the length of the block."""
    kept = path.with_name(f"{path.name}.kept")
    os.rename(path, kept)  # noqa: PTH104 - as short as it is
    if content is not None:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        kept.rename(path)
