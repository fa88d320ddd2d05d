"""A program of its own: publishes one explanation over another and is killed, again and again, at every kind of moment.

Arguments: tracking URI, model URI, how many moments. Prints one JSON object per moment: at which file system
call the writer died, and what a reader finds afterwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.sessions import session_of, version_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.tracking.server.registry import RegisteredVersion

_WRITING = {"os.remove", "os.rename", "os.mkdir", "shutil.copyfile", "shutil.rmtree", "os.chmod"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """One explanation, ready to be written."""

    files: dict[str, bytes]
    manifest: bytes


def _prepare(client: MlflowClient, uri: str, config: ExplainConfig) -> tuple[RegisteredVersion, Content]:
    from interp_pipeline.progress import SilentProgress
    from interp_pipeline.stages.compute import compute
    from interp_pipeline.stages.fetch import fetch
    from interp_pipeline.stages.publish import prepare
    from interp_pipeline.tracking.runs import manifest

    progress = SilentProgress()
    with tempfile.TemporaryDirectory() as folder:
        fetched = fetch(session_of(client), version_of(client, uri), config, Path(folder), data=None, progress=progress)
        computed = compute(fetched, config, progress)
    publication = prepare(fetched, computed, config, progress)
    return fetched.version, Content(files=dict(publication.files), manifest=manifest.to_json(publication.manifest))


def _write(client: MlflowClient, version: RegisteredVersion, content: Content) -> None:
    from interp_pipeline.tracking import layout
    from interp_pipeline.tracking.runs.artifacts import replace_folder

    root = layout.explanation_root(version.model_name)
    replace_folder(client, version.run_id, root, content.files, content.manifest)


def _write_and_die(
    client: MlflowClient, version: RegisteredVersion, content: Content, artifacts: str, moment: int
) -> None:
    """In a child: count the calls that change a file of the run, and die right before one of them."""
    count = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        opened = event == "open" and isinstance(arguments[1], str) and arguments[1][:1] in {"w", "x", "a"}
        if not (opened or event in _WRITING):
            return
        if not any(artifacts in str(argument) for argument in arguments[:2]):
            return
        if count == moment:
            os.write(3, event.encode())
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    client._tracking_client.store.engine.dispose(close=False)  # the parent's connections are the parent's
    sys.addaudithook(watch)
    _write(client, version, content)
    os.write(3, b"count=%d" % count)
    os._exit(0)


def _fork(
    client: MlflowClient, version: RegisteredVersion, content: Content, artifacts: str, moment: int
) -> tuple[str, bool]:
    """The last call a writer was about to make, and whether it was killed there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.dup2(writer, 3)
            _write_and_die(client, version, content, artifacts, moment)
        os._exit(9)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return said, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _found(client: MlflowClient, version: RegisteredVersion, known: dict[str, Content]) -> str:
    """What a reader sees: one of the explanations, whole, or nothing, or an error."""
    from interp_pipeline.tracking.runs.run_reader import read_published

    try:
        published = read_published(client, version)
    except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
        return f"{type(error).__name__}: {error}"
    if published is None:
        return "nothing"
    digest = published.manifest["files"]
    return next(name for name, content in known.items() if json.loads(content.manifest)["files"] == digest)


def _main(tracking_uri: str, uri: str, moments: str) -> None:
    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.tracking.server.session import connect

    client = connect(tracking_uri).client
    config = ExplainConfig(rows=4, background_rows=6, lime_samples=50, instances=2)
    version, old = _prepare(client, uri, config)
    _, new = _prepare(client, uri, dataclasses.replace(config, rows=3, instances=1, methods=("shap",)))
    known = {"old": old, "new": new}
    artifacts = client.get_run(version.run_id).info.artifact_uri.removeprefix("file://")

    _write(client, version, old)
    said, killed = _fork(client, version, new, artifacts, sys.maxsize)
    print(json.dumps({"moment": "none", "said": said, "killed": killed, "found": _found(client, version, known)}))
    total = int(said.removeprefix("count="))
    chosen = sorted({round(i * (total - 1) / (int(moments) - 1)) for i in range(int(moments))} | {1, 2, total - 2})
    for moment in chosen:
        _write(client, version, old)
        said, killed = _fork(client, version, new, artifacts, moment)
        found = _found(client, version, known)
        _write(client, version, new)  # what anyone does who finds it unfinished
        again = _found(client, version, known)
        print(json.dumps({"moment": moment, "said": said, "killed": killed, "found": found, "again": again}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
