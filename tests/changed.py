"""What a change can break, in seconds: ``python -m tests --changed`` runs these tests of the layers unit and contract.

They are found by what modules import of each other, however indirectly. What runs in a process of its own, or is
imported by a name that is put together, is not seen: all tests run before a change is merged.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["affected_tests", "changed_files"]

_ROOT = Path(__file__).parents[1]
_TESTS = _ROOT / "tests"
_LAYERS = ("unit", "contract")
_IN_TESTS = ("harness", *_LAYERS)
_PACKAGES = ("interp_pipeline", "mlflow_plugin", "benchmarks", *_IN_TESTS)


def changed_files(ref: str | None, root: Path = _ROOT) -> list[str]:
    """Paths, below the repository's folder, of all files that were changed, added or deleted, committed or not.

    Args:
        ref: since this commit or branch, where ours left it; None: since ``main``, or since the last commit where
            ``main`` is what we are on, or there is none.
        root: the repository's folder.

    Raises:
        SystemExit: git knows no such commit.
    """
    if ref is None:
        known = _git(root, "rev-parse", "--verify", "--quiet", "main", may_fail=True)
        ref = "main" if known and known != _git(root, "rev-parse", "HEAD") else "HEAD"
    base = _git(root, "merge-base", ref, "HEAD", may_fail=True)
    if not base:
        sys.exit(f"git knows no commit {ref!r} that this one comes from: name a branch, or HEAD~1")
    named = _git(root, "diff", "--name-only", "--no-renames", base).splitlines()
    new = _git(root, "ls-files", "--others", "--exclude-standard").splitlines()
    return sorted({*named, *new})


def _git(root: Path, *words: str, may_fail: bool = False) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=not may_fail)
    return "" if done.returncode else done.stdout.strip()


def affected_tests(changed: list[str]) -> list[str]:
    """Paths of the test files that import something of this, or read it by its name.

    Args:
        changed: paths below the repository's folder.
    """
    import grimp

    sys.path[:0] = [str(_ROOT), str(_ROOT / "tests")]
    graph = grimp.build_graph(*_PACKAGES, exclude_type_checking_imports=True)
    found: set[str] = set()
    for path in changed:
        module, whole = _module(path)
        while module and module not in graph.modules:  # a template, or what was deleted: its package was changed
            module, whole = module.rpartition(".")[0], True
        if module:
            found |= {module, *graph.find_downstream_modules(module, as_package=whole)}
    files = {_TESTS / Path(*name.split(".")).with_suffix(".py") for name in found if name.startswith(_LAYERS)}
    files |= {file for path in changed for file in _readers(path)}
    folders = {file.parent for file in files if file.name == "conftest.py"}
    folders |= {_TESTS for path in changed if path == "tests/conftest.py"}
    files |= {file for folder in folders for file in _all_tests() if file.is_relative_to(folder)}
    return sorted(str(file.relative_to(_ROOT)) for file in files & _all_tests())


def _all_tests() -> set[Path]:
    return {file for layer in _LAYERS for file in (_TESTS / layer).rglob("test_*.py")}


def _module(path: str) -> tuple[str, bool]:
    """The module that a file is, and whether it is that of a package, of which whoever imports a part runs it too.

    Empty for a file outside the packages.
    """
    parts = Path(path).with_suffix("").parts
    if parts[0] == "tests":
        parts = parts[1:]
    if parts[0] not in _PACKAGES:
        return "", False
    is_package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if is_package else parts), is_package


def _readers(path: str) -> set[Path]:
    """Tests in which a file outside the packages stands by its name, or by that of the folder at the top it lies in."""
    if _module(path)[0]:
        return set()
    top, name = Path(path).parts[0], Path(path).name
    words = [f'/ "{name}"', f"/{name}", f"from {Path(path).stem} import"]
    if top != "tests":
        words.append(f'/ "{top}"')
    return {file for file in _all_tests() if any(word in file.read_text(encoding="utf-8") for word in words)}
