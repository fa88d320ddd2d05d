"""Runs that are open while something is done, on the server of a connection."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from interp_pipeline.tracking.server.process_setting import settled
from interp_pipeline.tracking.server.translate_errors import no_answer_reason, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interp_pipeline.tracking.server.session import Session

__all__ = ["open_run"]

_DEFAULT_EXPERIMENT = "0"  # which every MLflow store has
_outer: ContextVar[tuple[str, str] | None] = ContextVar("outer run", default=None)  # server and id of an open run


@contextmanager
def open_run(session: Session, name: str, experiment_id: str | None = None) -> Iterator[str]:
    """Open a run: a child of the active one, the one ``mlflow run`` made for us, or a new one.

    Args:
        session: the connection.
        name: shown in the runs list; a run that has a name keeps it.
        experiment_id: where a new run goes; None: the active experiment, on another server than the process's own
            the default one.

    Yields:
        The run's id. The run is marked FAILED when the block raises, and that error is raised on, with
        a note where even the mark could not be set.
    """
    opened = _open_in_process if session.is_of_process else _open_elsewhere
    with opened(session, name, experiment_id) as run_id:
        yield run_id


@contextmanager
def _open_in_process(session: Session, name: str, experiment_id: str | None) -> Iterator[str]:
    """By MLflow's own functions, so that whatever follows the active run finds it."""
    import mlflow
    from mlflow.environment_variables import MLFLOW_RUN_ID
    from mlflow.tracking import fluent

    nested = mlflow.active_run() is not None
    given = MLFLOW_RUN_ID.is_set() and not nested  # type: ignore[no-untyped-call]  # mlflow's own
    with translated("starting a run"), settled():
        run = mlflow.start_run(run_name=name, nested=nested, experiment_id=None if given else experiment_id)
    run_id = str(run.info.run_id)
    try:
        yield run_id
    except BaseException as error:
        if _mark_failed(session, run_id, error):
            with settled():
                mlflow.end_run("FAILED")
        else:  # MLflow would ask a server that is gone for minutes; its run is only no longer the active one
            fluent._active_run_stack.get().pop()  # type: ignore[no-untyped-call]  # noqa: SLF001
        raise
    with translated(f"finishing run {run_id}"), settled():
        mlflow.end_run()


@contextmanager
def _open_elsewhere(session: Session, name: str, experiment_id: str | None) -> Iterator[str]:
    """On the connection alone; a run that is open there, in this thread, is the parent."""
    from mlflow.tracking.context import registry
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    outer = _outer.get()
    parent = {MLFLOW_PARENT_RUN_ID: outer[1]} if outer is not None and outer[0] == session.tracking_uri else {}
    with translated("starting a run"):
        tags = registry.resolve_tags(parent)
        run = session.client.create_run(experiment_id or _DEFAULT_EXPERIMENT, run_name=name, tags=tags)
    run_id = str(run.info.run_id)
    token = _outer.set((session.tracking_uri, run_id))
    try:
        yield run_id
    except BaseException as error:
        _mark_failed(session, run_id, error)
        raise
    finally:
        _outer.reset(token)
    with translated(f"finishing run {run_id}"):
        session.client.set_terminated(run_id)


def _mark_failed(session: Session, run_id: str, error: BaseException) -> bool:
    """Mark a run as failed; where even that fails, say so beside the error that counts. Whether it was marked."""
    try:
        session.asked_once.set_terminated(run_id, "FAILED")
    except Exception as second:  # noqa: BLE001 - whatever it is, the first error is what the caller must see
        error.add_note(f"run {run_id} could not be marked as failed either ({no_answer_reason(second)})")
        return False
    return True
