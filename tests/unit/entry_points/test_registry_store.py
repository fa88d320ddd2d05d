"""The module MLflow loads in every process that opens a registry: it must cost nothing and break nothing."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlflow_plugin.entry_points.registry_store import open_store

if TYPE_CHECKING:
    from pathlib import Path

_GROUP = "mlflow.model_registry_store"


def test_importing_it_loads_nothing_that_is_not_pythons() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import mlflow_plugin.entry_points.registry_store\n"
        "ours = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(ours - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.strip() == "['mlflow_plugin']"


def test_every_scheme_is_declared_and_opens_the_same() -> None:
    declared = {each.name: each for each in importlib.metadata.entry_points(group=_GROUP)}
    wanted = {"interp+sqlite", "interp+postgresql", "interp+postgresql+psycopg2", "interp+http", "interp+https"}
    assert wanted <= set(declared)
    assert {declared[name].load() for name in declared if name.startswith("interp+")} == {open_store}


def test_it_is_mlflows_own_store(tmp_path: Path) -> None:
    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    assert type(open_store(f"interp+sqlite:///{tmp_path / 'mlflow.db'}")) is SqlAlchemyStore
    for scheme in ("http", "https"):
        remote = open_store(f"interp+{scheme}://mlflow.example.com:5000/prefix")
        assert type(remote) is RestStore
        assert remote.get_host_creds().host == f"{scheme}://mlflow.example.com:5000/prefix"


def test_mlflow_still_sees_what_the_method_takes(tmp_path: Path) -> None:
    from mlflow.utils.arguments_utils import _get_arg_names

    store = open_store(f"interp+sqlite:///{tmp_path / 'mlflow.db'}")
    names = _get_arg_names(store.create_model_version)
    assert names == _get_arg_names(type(store).create_model_version)[1:]
    assert "local_model_path" in names


def test_with_workspaces_it_is_the_store_that_keeps_them_apart(tmp_path: Path) -> None:
    from mlflow.store.model_registry.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

    os.environ["MLFLOW_ENABLE_WORKSPACES"] = "true"
    assert type(open_store(f"interp+sqlite:///{tmp_path / 'mlflow.db'}")) is WorkspaceAwareSqlAlchemyStore


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("INTERP_CONFIG", "nothere.toml", "there is no configuration file nothere.toml"),
        ("INTERP_WEBHOOK_SECRET_FILE", "nothere", "cannot be read"),
    ],
)
def test_broken_settings_cost_a_warning_and_the_announcing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, variable: str, value: str, reason: str
) -> None:
    os.environ[variable] = value
    store = open_store(f"interp+sqlite:///{tmp_path / 'mlflow.db'}")
    store.create_registered_model("credit")
    assert store.create_model_version("credit", str(tmp_path)).version == 1
    assert [record for record in caplog.records if reason in record.getMessage()]
    assert "create_model_version" not in vars(store)


def test_an_address_mlflow_does_not_know_is_refused_as_mlflow_refuses_it() -> None:
    from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException

    with pytest.raises(UnsupportedModelRegistryStoreURIException, match="ftp://nowhere"):
        open_store("interp+ftp://nowhere")
