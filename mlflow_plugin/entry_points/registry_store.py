"""MLflow's own registry stores, which also announce every new version to the workers.

MLflow loads this module whenever it opens any registry store, so nothing heavy is imported here. An address is
one of MLflow's with ``interp+`` before it: ``interp+sqlite:///mlflow.db``, ``interp+https://mlflow.example.com``.
"""

from __future__ import annotations

import logging
import sys
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow.store.model_registry.abstract_store import AbstractStore

    from mlflow_plugin.entry_points.announcer import Announcer, NoteTable

__all__ = ["open_store"]

_PREFIX = "interp+"
_DEFAULT_WORKSPACE = "default"  # MLflow's name for it, which notes leave out
_PATIENCE_S = 2.0  # of the job table, for each of its steps; registrations wait for less

_logger = logging.getLogger("interp.registry_store")


def open_store(store_uri: str) -> AbstractStore:
    """Open the store MLflow would open without the prefix, and let it announce what is registered through it.

    Copies and versions that come with ``log_model`` pass through the same method. Whatever is wrong with the
    announcing costs a warning, and the store is as good as MLflow's.

    Args:
        store_uri: with the prefix.
    """
    uri = store_uri.removeprefix(_PREFIX)
    store = _mlflows_own(uri)
    try:
        announcer = _announcer(uri)
    except Exception as error:  # noqa: BLE001 - a broken configuration or installation of ours is not the registry's
        _logger.warning("versions registered here are not announced to the workers, who scan for them: %s", error)
        return store
    create = _announcing(store.create_model_version, announcer)
    store.create_model_version = create  # type: ignore[method-assign]  # of this store alone, not of its class
    return store


def _mlflows_own(uri: str) -> AbstractStore:
    """MLflow's store for an address; its server has builders of its own, which know of read replicas."""
    from mlflow.tracking._model_registry import utils

    registry = utils._get_store_registry()  # type: ignore[no-untyped-call]  # noqa: SLF001 - mlflow's; there is no public way
    handlers = sys.modules.get("mlflow.server.handlers")
    if handlers is not None and not uri.startswith("http"):
        registry = handlers._model_registry_store_registry  # noqa: SLF001 - likewise
    store: AbstractStore = registry.get_store_builder(uri)(store_uri=uri)
    return store


def _announcer(uri: str) -> Announcer:
    from mlflow_plugin.entry_points.announcer import Announcer
    from mlflow_plugin.settings import load_settings

    # Now, since a relative path means the working directory of now.
    return Announcer(partial(_open_table, load_settings(None).jobs_uri_for(uri)))


def _open_table(jobs_uri: str) -> NoteTable:
    from mlflow_plugin.jobs import JobTable

    return JobTable.open(jobs_uri, patience_s=_PATIENCE_S)


def _announcing(create: Callable[..., Any], announcer: Announcer) -> Callable[..., Any]:
    """Wrap the method of a store through which every version comes into being."""

    @wraps(create)  # MLflow's client looks at its arguments
    def create_model_version(*args: Any, **options: Any) -> Any:
        version = create(*args, **options)
        try:
            if not version._is_prompt():  # noqa: SLF001 - MLflow keeps prompts as versions of models, too
                workspace = "" if version.workspace == _DEFAULT_WORKSPACE else version.workspace
                announcer.announce(version.name, int(version.version), workspace)
        except Exception as error:  # noqa: BLE001 - the version is registered, whatever another MLflow calls its parts
            _logger.warning("a new version is registered but was not announced: %s; the next scan finds it", error)
        return version

    return create_model_version
