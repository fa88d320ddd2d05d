"""Advice to install something works for the way this package was installed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interp_pipeline import installing
from interp_pipeline.installing import EXTRA_OF, install_command

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = Path(__file__).parents[2]
_NO_PIP = "uv "


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Another installation of this package, found before the one the tests run in."""

    def install(origin: Any) -> None:
        place = tmp_path / "site" / "interp_pipeline-0.1.0.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text("Metadata-Version: 2.4\nName: interp-pipeline\nVersion: 0.1.0\n")
        if origin is not None:
            (place / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.syspath_prepend(tmp_path / "site")

    return install


def _words(module: str) -> list[str]:
    return shlex.split(install_command(module).removeprefix(_NO_PIP))


def test_from_a_clone_it_names_the_clone(installed: Any, tmp_path: Path) -> None:
    clone = tmp_path / "my clone"
    clone.mkdir()
    installed({"url": clone.as_uri(), "dir_info": {"editable": True}})
    assert _words("tensorflow") == ["pip", "install", "-e", f"{clone}[keras]"]


def test_from_a_folder_it_names_the_folder(installed: Any, tmp_path: Path) -> None:
    installed({"url": tmp_path.as_uri(), "dir_info": {}})
    assert _words("xgboost") == ["pip", "install", f"{tmp_path}[xgboost]"]


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        (None, "interp-pipeline[lightgbm]"),  # from an index
        ({"url": "file:///gone", "dir_info": {"editable": True}}, "interp-pipeline[lightgbm]"),
        (
            {"url": "https://example.org/x/interp", "vcs_info": {"vcs": "git", "commit_id": "0"}},
            "interp-pipeline[lightgbm] @ git+https://example.org/x/interp",
        ),
        (
            {"url": "file:///w/interp_pipeline-0.1.0-py3-none-any.whl", "archive_info": {}},
            "interp-pipeline[lightgbm] @ file:///w/interp_pipeline-0.1.0-py3-none-any.whl",
        ),
    ],
    ids=["index", "clone that is gone", "git", "wheel"],
)
def test_otherwise_it_names_where_it_came_from(installed: Any, origin: Any, named: str) -> None:
    installed(origin)
    assert _words("lightgbm") == ["pip", "install", named]


def test_what_was_not_installed_lies_in_a_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the project of ``mlflow run``."""

    def nothing(name: str) -> None:
        raise installing.PackageNotFoundError(name)

    monkeypatch.setattr(installing, "distribution", nothing)
    assert _words("psycopg2") == ["pip", "install", "-e", f"{_ROOT}[postgresql]"]


def test_an_environment_without_pip_is_told_of_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "find_spec", {"pip": None}.get)
    assert install_command("pymysql") == "uv pip install pymysql"
    monkeypatch.setattr(installing, "find_spec", {"pip": "there"}.get)
    assert install_command("MySQLdb") == "pip install mysqlclient"


def test_the_extras_exist_and_bring_the_modules() -> None:
    import tomllib

    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for module, extra in EXTRA_OF.items():
        brought = [re.split(r"[^a-z0-9]", line)[0] for line in project["optional-dependencies"][extra]]
        assert module in brought


def test_no_message_writes_such_a_command_by_hand() -> None:
    by_hand = [
        str(path.relative_to(_ROOT))
        for package in ("interp_pipeline", "mlflow_plugin", "projects")
        for path in (_ROOT / package).rglob("*.py")
        if re.search(r"pip install|interp-pipeline\[", path.read_text(encoding="utf-8"))
    ]
    assert by_hand == ["interp_pipeline/installing.py"]
