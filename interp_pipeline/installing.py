"""How a library that is missing gets here: a command that works for the way this package was installed."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

__all__ = ["EXTRA_OF", "install_command"]

_NAME = "interp-pipeline"

# The optional part of this package that brings a module.
EXTRA_OF = {
    "catboost": "catboost",
    "keras": "keras",
    "lightgbm": "lightgbm",
    "psycopg": "postgresql",
    "psycopg2": "postgresql",
    "tensorflow": "keras",
    "xgboost": "xgboost",
}
_PACKAGE_OF = {"MySQLdb": "mysqlclient"}  # of other modules, where it is called otherwise


def install_command(module: str) -> str:
    """What to type for a module that is missing.

    Args:
        module: as it is imported, without submodules.

    Returns:
        A command for a shell: with an extra of this package where one brings the module, from wherever this package
        was installed (a clone, an address, an index); else with the module's own package.
    """
    tool = "uv pip install" if find_spec("pip") is None else "pip install"  # environments that uv makes have no pip
    extra = EXTRA_OF.get(module)
    if extra is None:
        return f"{tool} {_PACKAGE_OF.get(module, module)}"
    return f"{tool} {_source(extra)}"


def _source(extra: str) -> str:
    """This package with an extra, as an installer takes it."""
    origin = _origin()
    path = url2pathname(urlsplit(str(origin.get("url", ""))).path)
    if "dir_info" in origin and Path(path).is_dir():
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return f"{editable}{shlex.quote(f'{path}[{extra}]')}"
    wanted = f"{_NAME}[{extra}]"
    if "vcs_info" in origin:
        return shlex.quote(f"{wanted} @ {origin['vcs_info']['vcs']}+{origin['url']}")
    if "archive_info" in origin:
        return shlex.quote(f"{wanted} @ {origin['url']}")
    return shlex.quote(wanted)


def _origin() -> dict[str, Any]:
    """Where this package was installed from, in the form of PEP 610; empty: from an index.

    What was not installed, as in the project of ``mlflow run``, lies in a clone.
    """
    try:
        text = distribution(_NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        root = Path(__file__).parents[1]
        return {"url": root.as_uri(), "dir_info": {"editable": True}} if (root / "pyproject.toml").is_file() else {}
    return dict(json.loads(text)) if text else {}
