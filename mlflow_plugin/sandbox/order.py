"""What the worker tells the fork server about a child to be started."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mlflow_plugin.sandbox.limits import Limits

__all__ = ["Order"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """One child: what it runs, on what, and what holds it."""

    function: str  # "module:name", called with task, answer and a progress listener
    task: Path  # folder, read
    answer: Path  # folder, written
    scratch: Path  # folder that is home folder, working directory and place for temporary files
    readable: tuple[Path, ...]  # further files and folders, the model's among them
    layers: tuple[str, ...]  # of the kernel's
    landlock_abi: int  # the version to ask for; 0 without that layer
    limits: Limits

    def to_message(self) -> dict[str, Any]:
        """The order as JSON types."""
        plain = {name: str(getattr(self, name)) for name in ("function", "task", "answer", "scratch")}
        readable = [str(path) for path in self.readable]
        held = {"layers": self.layers, "landlock_abi": self.landlock_abi, "limits": dataclasses.asdict(self.limits)}
        return {**plain, "readable": readable, **held}

    @classmethod
    def of_message(cls, message: dict[str, Any]) -> Self:
        """The inverse of ``to_message``."""
        return cls(
            function=message["function"],
            task=Path(message["task"]),
            answer=Path(message["answer"]),
            scratch=Path(message["scratch"]),
            readable=tuple(Path(path) for path in message["readable"]),
            layers=tuple(message["layers"]),
            landlock_abi=message["landlock_abi"],
            limits=Limits(**message["limits"]),
        )
