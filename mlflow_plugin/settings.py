"""INTERP_* variables and the configuration file → frozen settings. Nothing else reads the environment."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from interp_pipeline.config import CompareConfig, ExplainConfig, TrainConfig
from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.config import Config

__all__ = ["Settings", "load_settings"]

_SECTIONS: Mapping[str, type[Config]] = {"train": TrainConfig, "explain": ExplainConfig, "compare": CompareConfig}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for every command unless its own options say otherwise."""

    tracking_uri: str | None = None  # None: MLflow's own setting
    train: Mapping[str, Any] = field(default_factory=dict)  # defaults for TrainConfig
    explain: Mapping[str, Any] = field(default_factory=dict)  # defaults for ExplainConfig
    compare: Mapping[str, Any] = field(default_factory=dict)  # defaults for CompareConfig


def load_settings(config_file: str | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; a variable wins over the file.

    Args:
        config_file: TOML file with ``tracking_uri`` and sections ``[train]``, ``[explain]``,
            ``[compare]``; None takes INTERP_CONFIG, or no file.
        environment: variables; None takes those of the process.

    Raises:
        UsageError: the file does not exist, is not TOML, or holds something unknown or unfit.
    """
    variables = os.environ if environment is None else environment
    path = config_file or variables.get("INTERP_CONFIG")
    content = _read(path) if path else {}
    unknown = sorted(set(content) - {*_SECTIONS, "tracking_uri"})
    if unknown:
        msg = f"{path}: unknown {', '.join(unknown)}; known: tracking_uri, [{'], ['.join(_SECTIONS)}]"
        raise UsageError(msg)
    uri = content.get("tracking_uri")
    if uri is not None and not isinstance(uri, str):
        msg = f"{path}: tracking_uri must be a text, not {uri!r}"
        raise UsageError(msg)
    sections = {name: _section(path, name, content.get(name, {})) for name in _SECTIONS}
    return Settings(tracking_uri=variables.get("INTERP_TRACKING_URI") or uri, **sections)


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"there is no configuration file {path}; give another with --config"
        raise UsageError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not a TOML file: {error}"
        raise UsageError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise UsageError(msg) from error


def _section(path: str | None, name: str, section: Any) -> Mapping[str, Any]:
    """One section, checked here, where the file it stands in is known."""
    if not isinstance(section, dict):
        msg = f"{path}: {name} must be a section, [{name}], not {section!r}"
        raise UsageError(msg)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in section.items()}
    try:
        _SECTIONS[name].from_mapping(values)
    except UsageError as error:
        msg = f"{path}, section [{name}]: {error}"
        raise UsageError(msg) from error
    return MappingProxyType(values)
