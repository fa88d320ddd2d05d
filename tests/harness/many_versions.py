"""Registries with more versions than a test could register one by one, and with a thousand registered at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy
from harness.workers import register_forest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow import MlflowClient

__all__ = ["Source", "register_at_once", "sources", "write_versions"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What some versions are registered from, and what becomes of them."""

    name: str  # of the registered model
    source: str
    run_id: str | None
    state: str  # the end their jobs come to
    share: int  # of all versions

    @property
    def model_id(self) -> str | None:
        """The logged model it names; None: it names a folder."""
        logged = "models:/"
        return self.source.removeprefix(logged) if self.source.startswith(logged) else None


def sources(client: MlflowClient, prefix: str) -> list[Source]:
    """Log one model with data and one without, and name two places where none can be taken from.

    The model with data is registered, as version 1; its other versions show the same, and are adopted. The two
    places are named by versions of many registered models, for few models have hundreds of versions.
    """
    import mlflow
    from sklearn.dummy import DummyClassifier

    uri = register_forest(client, f"{prefix}-explained")
    explained = client.get_model_version(*uri.removeprefix("models:/").split("/"))
    bare = DummyClassifier().fit([[0.0], [1.0]], [0, 1])
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(bare, name="model", pip_requirements=["scikit-learn"])
    deleted = client.create_run("0").info.run_id
    client.delete_run(deleted)
    found = [
        Source(name="explained", source=explained.source, run_id=explained.run_id, state="published", share=1),
        Source(name="bare", source=logged.model_uri, run_id=run.info.run_id, state="skipped", share=1),
    ]
    nowhere = "s3://elsewhere/model"
    found += [Source(name=f"deleted-{n}", source=nowhere, run_id=deleted, state="gone", share=1) for n in range(40)]
    found += [Source(name=f"elsewhere-{n}", source=nowhere, run_id=None, state="failed", share=1) for n in range(8)]
    for each in found[1:]:
        client.create_registered_model(f"{prefix}-{each.name}")
    return [Source(**{**vars(each), "name": f"{prefix}-{each.name}"}) for each in found]


def register_at_once(tracking_uri: str, choices: Sequence[Source], count: int, clients: int) -> None:
    """Register versions through the server's REST API, with several clients that begin at the same moment.

    Args:
        tracking_uri: of the server.
        choices: where from; they take turns, each as often as its share is large.
        count: how many in all.
        clients: how many at a time.
    """
    from mlflow import MlflowClient

    turns = [each for each in choices for _ in range(each.share)]
    together = threading.Barrier(clients)

    def register(first: int) -> None:
        client = MlflowClient(tracking_uri, tracking_uri)
        together.wait(60)
        for number in range(first, count, clients):
            chosen = turns[number % len(turns)]
            client.create_model_version(
                chosen.name, chosen.source, chosen.run_id, await_creation_for=0, model_id=chosen.model_id
            )

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(register, range(clients)))


def write_versions(database: str, like: str, models: int, versions: int) -> None:
    """Write versions into the database of a registry, behind its back.

    Args:
        database: its SQLAlchemy URI.
        like: a registered model with one version: all others are as this one, in models of this name and a number.
        models: how many models.
        versions: how many versions each of them gets.
    """
    engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.pool.NullPool)
    known = sqlalchemy.MetaData()
    known.reflect(engine, only=["registered_models", "model_versions"])
    tables = [known.tables[name] for name in ("registered_models", "model_versions")]
    with engine.begin() as connection:
        model, version = (_only_row(connection, table, like) for table in tables)
        names = [f"{like}-{number}" for number in range(models)]
        connection.execute(sqlalchemy.insert(tables[0]), [model | {"name": name} for name in names])
        numbered = [version | {"name": name, "version": n} for name in names for n in range(1, versions + 1)]
        connection.execute(sqlalchemy.insert(tables[1]), numbered)


def _only_row(connection: sqlalchemy.Connection, table: sqlalchemy.Table, name: str) -> dict[str, Any]:
    return dict(connection.execute(sqlalchemy.select(table).where(table.c.name == name)).mappings().one())
