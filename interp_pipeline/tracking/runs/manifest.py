"""The commit record of an explanation: what was explained, how, and the digest of every file."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from interp_pipeline.config import ExplainConfig

__all__ = ["FORMAT", "digest", "explanation_key", "library_versions", "question_digest", "to_json", "verify"]

FORMAT = 3  # of the manifest; a reader refuses formats it does not know
_LIBRARIES = (
    "catboost",
    "interp-pipeline",
    "keras",
    "lightgbm",
    "lime",
    "mlflow",
    "numba",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "shap",
    "tensorflow",
    "xgboost",
    "xgboost-cpu",
)


def digest(content: bytes) -> str:
    """SHA-256 of a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


def question_digest(source: str, config: ExplainConfig, rows: str, background: str, dictionary: str = "") -> str:
    """What is asked of a model: equal where the same would be computed and shown, under whatever name it is registered.

    Args:
        source: where the model's files lie.
        config: everything a caller chose.
        rows: what declares the explained rows: empty for those logged with the version, the address of a table,
            or ``sha256:`` and the digest of one that was handed over.
        background: what declares the background data, likewise.
        dictionary: what declares the data dictionary, likewise; empty: there is none.

    Returns:
        64 hex digits.
    """
    declared = [rows, background, *filter(None, [dictionary])]
    return digest(json.dumps([source, config.digest, *declared]).encode())


def explanation_key(identity: tuple[str, int, int, str], question: str, workspace: str = "") -> str:
    """Identity of the explanation of one version, known before any data is read.

    Args:
        identity: of the version, with its creation time and source: a recreated version is another one. Wherever
            its server is addressed from, it is the same.
        question: ``question_digest``.
        workspace: MLflow's, where the server has several.

    Returns:
        64 hex digits.
    """
    return digest(json.dumps([workspace, *identity, question]).encode())


def library_versions(further: Iterable[str] = ()) -> dict[str, str]:
    """Installed versions of what the numbers depend on; a library that is not installed is left out.

    Args:
        further: names of packages that some of the methods are of.
    """
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in (*_LIBRARIES, *further):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # optional, or (for ourselves) run from a checkout
            continue
    return found


def to_json(manifest: Mapping[str, Any]) -> bytes:
    """The manifest as bytes; equal for equal content."""
    return (json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def verify(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> list[str]:
    """Hold files against the manifest.

    Args:
        manifest: as read.
        files: content by path below the explanation's root.

    Returns:
        One line per file that is missing or differs; empty where all are as published.
    """
    problems = []
    for path, expected in manifest["files"].items():
        if path not in files:
            problems.append(f"{path} is missing")
        elif digest(files[path]) != expected:
            problems.append(f"{path} is not what was published")
    return problems
