"""Which tests ``python -m tests --changed`` runs."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from changed import affected_tests, changed_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One with a branch of two commits, changes that are in none, and a file that git ignores."""
    git(tmp_path, "init", "-q", "-b", "main")
    for number, name in enumerate(("first", "second", "third")):
        (tmp_path / name).write_text(name)
        (tmp_path / "each").write_text(name)
        (tmp_path / ".gitignore").write_text("ignored")
        git(tmp_path, "add", ".")
        git(tmp_path, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", name)
        if number == 0:
            git(tmp_path, "checkout", "-qb", "branch")
    (tmp_path / "new").touch()
    (tmp_path / "ignored").touch()
    (tmp_path / "first").unlink()
    return tmp_path


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True)


def test_what_changed_is_committed_or_not_added_or_deleted(repository: Path) -> None:
    assert changed_files(None, repository) == ["each", "first", "new", "second", "third"]
    assert changed_files("HEAD~1", repository) == ["each", "first", "new", "third"]
    assert changed_files("HEAD", repository) == ["first", "new"]


def test_what_came_to_main_meanwhile_is_no_change_of_ours(repository: Path) -> None:
    git(repository, "checkout", "-q", "first")
    git(repository, "checkout", "-q", "main")
    (repository / "others").touch()
    git(repository, "add", "others")
    git(repository, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "of others")
    git(repository, "checkout", "-q", "branch")
    assert changed_files(None, repository) == ["each", "new", "second", "third"]


def test_on_main_itself_the_last_commit_is_what_counts(repository: Path) -> None:
    git(repository, "branch", "-qf", "main", "branch")
    assert changed_files(None, repository) == ["first", "new"]


def test_a_commit_that_is_not_there_is_named(repository: Path) -> None:
    with pytest.raises(SystemExit, match="git knows no commit 'nowhere'"):
        changed_files("nowhere", repository)


@pytest.mark.parametrize(
    ("changed", "among", "beside"),
    [
        ("mlflow_plugin/worker/retry.py", "unit/worker/test_stopping.py", "unit/plots/test_fonts.py"),
        ("interp_pipeline/plots/__init__.py", "unit/plots/test_fonts.py", "unit/data/test_split.py"),
        ("interp_pipeline/report/templates/none.html.j2", "unit/report/test_trust.py", "unit/data/test_split.py"),
        ("interp_pipeline/plots/deleted.py", "unit/plots/test_fonts.py", "unit/data/test_split.py"),
        ("tests/harness/worker_parts.py", "unit/worker/test_loop.py", "unit/data/test_split.py"),
        ("tests/unit/data/test_split.py", "unit/data/test_split.py", "unit/data/test_target.py"),
        ("tests/unit/plots/conftest.py", "unit/plots/test_fonts.py", "unit/data/test_split.py"),
        ("tests/conftest.py", "contract/test_job_table_contract.py", ""),
        ("tests/changed.py", "unit/test_changed.py", "unit/data/test_split.py"),
        ("docs/how-to/worker.md", "unit/test_document_tables.py", "unit/data/test_split.py"),
    ],
)
def test_tests_are_found_by_what_they_import(changed: str, among: str, beside: str) -> None:
    found = affected_tests([changed])
    assert f"tests/{among}" in found
    assert f"tests/{beside}" not in found


def test_what_no_test_knows_costs_nothing() -> None:
    unread = [("no_such_folder", "unread.xyz"), ("tests", "faults", "test_faults_kill.py")]
    assert affected_tests(["/".join(parts) for parts in unread]) == []
