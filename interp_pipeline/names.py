"""Texts a user types, as values: names, layers, methods, lists of versions."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from interp_pipeline.config import ModelKind

__all__ = [
    "data_name",
    "default_model_name",
    "model_name",
    "parse_hidden",
    "parse_list",
    "parse_model_uris",
    "parse_numbers",
]


def default_model_name(data: str, kind: ModelKind) -> str:
    """A registered model name from where the data lies: ``s3://b/Loans 2024.csv`` → ``loans-2024-keras``."""
    plain = re.sub(r"[^a-z0-9]+", "-", data_name(data).lower()).strip("-") or "model"
    return model_name(plain, kind)


def data_name(data: str) -> str:
    """What a data set is called, without where it lies: ``s3://b/Loans 2024.csv`` → ``Loans 2024``."""
    return PurePosixPath(urlsplit(data).path.rstrip("/") or data).stem


def model_name(prefix: str, kind: ModelKind) -> str:
    """A registered model name from a chosen prefix: ``credit`` → ``credit-random-forest``."""
    return f"{prefix}-{kind.replace('_', '-')}"


def parse_hidden(text: str) -> tuple[int, ...]:
    """Units of hidden layers: ``64,64``.

    Raises:
        UsageError: something else was written.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        msg = f"--hidden {text!r}: write the units of each layer, separated by commas: 64,64"
        raise UsageError(msg) from error


def parse_list(text: str) -> tuple[str, ...]:
    """Names separated by commas: ``shap,lime``."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def parse_numbers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers separated by commas: ``17,23``; none of an empty text.

    Raises:
        UsageError: something else was written.
    """
    try:
        return tuple(int(part) for part in parse_list(text))
    except ValueError as error:
        msg = f"{option} {text!r}: write whole numbers, separated by commas: 17,23"
        raise UsageError(msg) from error


def parse_model_uris(model_uris: str, model_name: str, versions: str) -> tuple[str, ...]:
    """The versions to compare, given as URIs or as a name with version numbers or aliases.

    Args:
        model_uris: URIs separated by commas, or empty.
        model_name: a registered model's name, or empty.
        versions: its version numbers or aliases, separated by commas.

    Raises:
        UsageError: neither was given, or both.
    """
    uris = parse_list(model_uris)
    named = parse_list(versions)
    if bool(uris) == bool(model_name):
        msg = "give either model_uris, or model_name with versions"
        raise UsageError(msg)
    if uris:
        return uris
    return tuple(f"models:/{model_name}/{v}" if v.isdecimal() else f"models:/{model_name}@{v}" for v in named)
