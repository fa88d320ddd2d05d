"""Where a version's rows and background data lie when somebody said so: in tags, or in the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from interp_pipeline.config import Config

__all__ = ["DataDefault"]


@dataclass(frozen=True, kw_only=True)
class DataDefault(Config):
    """Where all versions of some models find rows and background data: an entry ``[[data]]`` of the configuration."""

    models: str  # pattern of the models' names, as a shell's: "credit-*"
    rows: str | None = None  # address of a table
    background: str | None = None  # likewise
