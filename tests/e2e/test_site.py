"""The site is built from docs/ without a warning; a dead link is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the site is built from: building leaves files beside it."""
    shutil.copytree(_ROOT / "docs", tmp_path / "docs")
    shutil.copy(_ROOT / "zensical.toml", tmp_path)
    return tmp_path


def _build(project: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=project,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_site_is_built_without_a_warning(project: Path) -> None:
    built = _build(project)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {str(page.relative_to(project / "docs").with_suffix("")) for page in (project / "docs").rglob("*.md")}
    site = project / "site"
    assert {page for page in pages if not (site / f"{page}.html").is_file()} == set()
    outside = [page for page in site.rglob("*.html") if 'src="http' in page.read_text(encoding="utf-8")]
    assert outside == []  # nothing is loaded from elsewhere


def test_every_guide_is_in_the_navigation(project: Path) -> None:
    named = (project / "zensical.toml").read_text(encoding="utf-8")
    pages = {str(page.relative_to(project / "docs")) for page in (project / "docs").rglob("*.md")}
    lacking = {page for page in pages if f'"{page}"' not in named and not page.startswith("decisions/0")}
    assert lacking == set()


@pytest.mark.parametrize("link", ["nowhere.md", "performance.md#nowhere"])
def test_a_dead_link_ends_the_build(project: Path, link: str) -> None:
    with (project / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[dead]({link})\n")
    assert _build(project).returncode != 0
