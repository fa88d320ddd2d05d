"""Which methods of attribution there are here, ours and those of other packages, in words."""

from __future__ import annotations

from interp_pipeline.explainers import registry

__all__ = ["list_methods"]


def list_methods() -> list[str]:
    """A line per method: its name, what it gives and which package offers it; or why it cannot be used.

    Every package that offers some is imported.
    """
    lines = []
    for listed in registry.list_methods():
        package = f", of the package {listed.package}" if listed.package else ""
        words = listed.fault if listed.method is None else f"{listed.method.words}{package}"
        lines.append(f"{listed.name}: {words}")
    return lines
