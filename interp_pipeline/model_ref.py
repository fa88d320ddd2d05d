"""Parse and format references to registered models: ``models:/name/3`` and ``models:/name@alias``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from interp_pipeline.errors import UsageError

__all__ = ["ModelRef"]

_PATTERN = re.compile(r"^models:/(?P<name>[^/@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))$")


@dataclass(frozen=True, kw_only=True)
class ModelRef:
    """A registered model and which of its versions is meant: by number, by alias, or the latest."""

    name: str
    version: int | None = None  # None: see alias, or the latest version where alias is None too
    alias: str | None = None

    @classmethod
    def parse(cls, uri: str) -> ModelRef:
        """Read a model URI.

        Args:
            uri: ``models:/name/3``, ``models:/name@alias`` or ``models:/name/latest``.

        Raises:
            UsageError: the text is none of these.
        """
        match = _PATTERN.match(uri.strip()) if isinstance(uri, str) else None
        if match is None:
            msg = (
                f"{uri!r} is not a model URI: write models:/<name>/<version>, "
                "models:/<name>@<alias> or models:/<name>/latest"
            )
            raise UsageError(msg)
        name, version, alias = match["name"], match["version"], match["alias"]
        if alias is not None:
            return cls(name=name, alias=alias)
        if version == "latest":
            return cls(name=name)
        if not version.isdecimal() or int(version) < 1:
            msg = f"{uri!r}: version {version!r} is not a number; for an alias write models:/{name}@{version}"
            raise UsageError(msg)
        return cls(name=name, version=int(version))

    def __str__(self) -> str:
        """The model URI this reference was read from, in its normal form."""
        if self.alias is not None:
            return f"models:/{self.name}@{self.alias}"
        return f"models:/{self.name}/{'latest' if self.version is None else self.version}"
