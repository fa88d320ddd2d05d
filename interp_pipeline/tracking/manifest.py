"""The commit record of an explanation: what was explained, how, and the digest of every file."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.tracking.registry import RegisteredVersion

__all__ = ["FORMAT", "digest", "explanation_key", "library_versions", "to_json", "verify"]

FORMAT = 2  # of the manifest; a reader refuses formats it does not know
_LIBRARIES = (
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


def explanation_key(
    tracking_uri: str, version: RegisteredVersion, config: ExplainConfig, rows_digest: str, background_digest: str
) -> str:
    """Identity of one explanation: equal exactly where the same numbers would be computed.

    Args:
        tracking_uri: which server the version is registered at.
        version: the version, with its creation time: a recreated version is another one.
        config: everything a caller chose.
        rows_digest: of the explained rows.
        background_digest: of the background data.

    Returns:
        64 hex digits.
    """
    parts = [
        tracking_uri,
        version.name,
        str(version.version),
        str(version.created_ms),
        version.source,
        config.digest,
        rows_digest,
        background_digest,
    ]
    return digest(json.dumps(parts).encode())


def library_versions() -> dict[str, str]:
    """Installed versions of what the numbers depend on; a library that is not installed is left out."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in _LIBRARIES:
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
