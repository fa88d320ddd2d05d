"""One version of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.stages.facts import Facts
    from interp_pipeline.tracking.server.registry import RegisteredVersion

__all__ = ["ComparedVersion", "label_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedVersion:
    """One version of a comparison."""

    version: RegisteredVersion
    facts: Facts
    shap: Explanation
    data_source: str  # where the rows it was explained on came from, in words

    @property
    def label(self) -> str:
        """What the version is called in tables and plots."""
        return label_of(self.version)


def label_of(version: RegisteredVersion) -> str:
    """What a version is called where several stand beside each other: ``loans v3``."""
    return f"{version.name} v{version.version}"
