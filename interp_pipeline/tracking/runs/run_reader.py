"""Read a published explanation back, and make sure it is the one that was published."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explanation import Cost
from interp_pipeline.tables import explanation_from_frame
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.bounded_parsing import parse_json
from interp_pipeline.tracking.runs import manifest
from interp_pipeline.tracking.runs.artifacts import list_files, read_file, read_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient

    from interp_pipeline.explanation import Explanation
    from interp_pipeline.tracking.server.registry import RegisteredVersion

__all__ = ["Published", "names_apart", "published_question", "read_published", "read_verified"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Published:
    """What lies in a version's run."""

    shap: Explanation | None
    lime: Explanation | None
    rows: pd.DataFrame  # the explained rows, raw features
    background: pd.DataFrame  # raw features
    manifest: Mapping[str, Any]


def read_published(client: MlflowClient, version: RegisteredVersion, name: str = "") -> Published | None:
    """Read the explanation of a version.

    Args:
        client: the connection.
        version: which version.
        name: of an explanation of other rows; empty: the published one.

    Returns:
        The explanation; None where none was published (or publishing did not finish, or another model that
        was logged in the same run under the same name was explained after it).

    Raises:
        ModelError: files are missing or differ from the manifest.
        UsageError: the manifest is of a format this release does not know.
        TrackingError: the server or storage does not answer.
    """
    found = read_verified(client, version, name)
    if found is None:
        return None
    record, files = found
    rows = _frame(files[layout.EXPLAINED_ROWS])
    return Published(
        shap=_explanation(record, "shap", files.get(layout.SHAP_VALUES), rows),
        lime=_explanation(record, "lime", files.get(layout.LIME_WEIGHTS), rows),
        rows=rows,
        background=_frame(files[layout.EXPLAINED_BACKGROUND]),
        manifest=record,
    )


def names_apart(client: MlflowClient, version: RegisteredVersion) -> list[str]:
    """Names of the explanations of other rows that are kept beside a version's published one."""
    if not version.run_id:
        return []
    root = layout.apart_root(version.model_name)
    found = (path.removeprefix(f"{root}/").split("/") for path in list_files(client, version.run_id, root))
    return sorted(name for name, *rest in found if rest == [layout.MANIFEST])


def published_question(client: MlflowClient, version: RegisteredVersion) -> str | None:
    """The question a version's published explanation answers.

    Returns:
        See ``question_digest``; None where none is published, an empty text where the manifest does not say.
    """
    if not version.run_id:
        return None
    content = read_file(client, version.run_id, layout.explanation_root(version.model_name), layout.MANIFEST)
    if content is None:
        return None
    try:
        record = _manifest(content, version)
    except ModelError:
        return ""
    return str(record.get("question", "")) if record.get("format") == manifest.FORMAT else ""


def read_verified(
    client: MlflowClient, version: RegisteredVersion, name: str = ""
) -> tuple[dict[str, Any], dict[str, bytes]] | None:
    """Read the files of a version's explanation, and hold them against its manifest.

    Args:
        client: the connection.
        version: which version.
        name: of an explanation of other rows; empty: the published one.

    Returns:
        The manifest and all files by path below the explanation's root; None as for ``read_published``.

    Raises:
        ModelError: files are missing or differ from the manifest.
        UsageError: the manifest is of a format this release does not know.
        TrackingError: the server or storage does not answer.
    """
    if not version.run_id:
        return None
    root = layout.apart_root(version.model_name, name) if name else layout.explanation_root(version.model_name)
    files = read_folder(client, version.run_id, root)
    if layout.MANIFEST not in files:
        return None
    record = _manifest(files[layout.MANIFEST], version)
    if record.get("format") != manifest.FORMAT:
        msg = (
            f"{version.uri} was explained by a release with another layout; "
            f"explain it again: interp explain {version.uri}"
        )
        raise UsageError(msg)
    if record["model"]["source"] != version.source:
        return None
    problems = manifest.verify(record, files)
    if problems:
        msg = (
            f"the explanation of {version.uri} is damaged: {'; '.join(problems[:3])}; run: interp explain {version.uri}"
        )
        raise ModelError(msg)
    return record, files


def _manifest(content: bytes, version: RegisteredVersion) -> dict[str, Any]:
    try:
        record = parse_json(content)
    except ValueError:  # a writer died in the middle of it, on a storage that does not swap files whole
        record = None
    if not isinstance(record, dict) or (record.get("format") == manifest.FORMAT and not _is_whole(record)):
        msg = f"the manifest of {version.uri} is damaged; explain it again: interp explain {version.uri}"
        raise ModelError(msg)
    return record


def _is_whole(record: Mapping[str, Any]) -> bool:
    """Whether what others rely on has the form that we write: whoever may write to the run may write a manifest."""
    files, model, told = (record.get(name) for name in ("files", "model", "announcement"))
    if not (isinstance(files, dict) and isinstance(model, dict) and isinstance(told, dict)):
        return False
    forms = (("metrics", dict, int | float), ("images", dict, str), ("tables", list, str))
    return (
        all(isinstance(each, str) for each in (model.get("source"), record.get("question"), told.get("description")))
        and all(
            isinstance(told.get(name), kind)
            and all(isinstance(value, of) for value in (told[name].values() if kind is dict else told[name]))
            for name, kind, of in forms
        )
        and set(told["images"].values()) <= set(files)
        and "asked" in record
    )


def _frame(content: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(content))


def _explanation(record: Mapping[str, Any], kind: str, table: bytes | None, rows: pd.DataFrame) -> Explanation | None:
    entry = next((method for method in record["methods"] if method["kind"] == kind), None)
    if entry is None or table is None:
        return None
    explanation = explanation_from_frame(
        _frame(table),
        rows,
        output_unit=record["model"]["output_unit"],
        positive_class=record["model"]["positive_class"],
        method=entry["name"],
        seed=record["config"]["seed"],
        cost=Cost(seconds=entry["seconds"], model_evaluations=entry["model_evaluations"]),
        details=entry["details"],
    )
    return replace(explanation, unseen=record.get("unseen_categories", {}))
