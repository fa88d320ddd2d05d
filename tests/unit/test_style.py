"""Guards of the house rules that neither ruff, mypy nor import-linter can see. They walk the source."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("interp_pipeline", "mlflow_plugin")
_SOURCES = sorted(p for folder in _PACKAGES for p in (_ROOT / folder).rglob("*.py"))
_SCRIPTS = sorted(p for folder in ("projects", "benchmarks") for p in (_ROOT / folder).rglob("*.py"))
_TESTS = sorted((_ROOT / "tests").rglob("*.py"))

_MOST_LINES_OF_A_FILE = 400
_MOST_LINES_OF_A_FUNCTION = 60  # without its docstring
_VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
_IS_MLFLOW = {"interp_pipeline.tracking.models.served_model"}  # defines a subclass of MLflow's own model class
_HEAVY = ("tensorflow", "keras", "shap", "lime", "matplotlib", "mlflow", "sklearn.ensemble")

# Where a number is made as people read it, and where a format is none that they read.
_FORMATS = {
    "interp_pipeline/report/wording.py",
    "interp_pipeline/plots/ticks.py",  # the numbers of one axis, with as many digits as tell them apart
    "interp_pipeline/plots/confusion_plot.py",  # a cell too narrow for a number in full
}


def _is_drawn(path: Path) -> bool:
    folder = path.parent.relative_to(_ROOT).parts[:2]
    return folder in {("interp_pipeline", "plots"), ("interp_pipeline", "report")} and _name(path) not in _FORMATS


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def _module(path: Path) -> str:
    parts = path.relative_to(_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


_EVERYTHING = [*_SOURCES, *_SCRIPTS, *_TESTS]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _offences(paths: Iterable[Path], found: Callable[[Path], Iterable[object]]) -> list[str]:
    """One line for each offence that is found in a file."""
    return [f"{_name(path)}: {offence}" for path in paths for offence in found(path)]


def test_the_walk_finds_the_source() -> None:
    assert {"interp_pipeline/explanation.py", "mlflow_plugin/cli/__init__.py"} <= {_name(p) for p in _SOURCES}
    assert "projects/explain/run.py" in {_name(p) for p in _SCRIPTS}
    assert "tests/unit/test_style.py" in {_name(p) for p in _TESTS}


def test_files_are_short() -> None:
    def found(path: Path) -> list[str]:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        return [f"{lines} lines"] if lines > _MOST_LINES_OF_A_FILE else []

    assert _offences(_EVERYTHING, found) == []


def test_files_are_named_after_what_they_hold() -> None:
    assert [_name(path) for path in _EVERYTHING if path.stem in _VAGUE_NAMES] == []


def test_functions_are_short() -> None:
    def found(path: Path) -> list[str]:
        functions = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        long = [node for node in functions if _code_lines(node) > _MOST_LINES_OF_A_FUNCTION]
        return [f"{node.name} (line {node.lineno}) has {_code_lines(node)} lines" for node in long]

    assert _offences(_EVERYTHING, found) == []


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, without those of the docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return total
    docstring = function.body[0]
    return total - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def test_all_is_sorted() -> None:
    lists = {_name(path): _listed(path) or [] for path in _SOURCES}
    assert [name for name, listed in lists.items() if listed != sorted(set(listed), key=_as_ruff_sorts)] == []


def test_modules_use_of_each_other_only_what_all_lists() -> None:
    """``__all__`` says what a module is for: what another one imports from it stands there."""

    def found(path: Path) -> Iterator[str]:
        for node in ast.walk(_tree(path)):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(_PACKAGES):
                continue
            listed = _listed_by(str(node.module))
            wanted = {alias.name for alias in node.names if not _is_module(f"{node.module}.{alias.name}")}
            if listed is not None and not wanted <= set(listed):
                yield f"{node.module} does not list {sorted(wanted - set(listed))}"

    assert _offences(_SOURCES, found) == []


def _listed(path: Path) -> list[str] | None:
    for node in _tree(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def _listed_by(module: str) -> list[str] | None:
    place = _ROOT.joinpath(*module.split("."))
    return _listed(place / "__init__.py" if place.is_dir() else place.with_suffix(".py"))


def _is_module(name: str) -> bool:
    place = _ROOT.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Constants first, then classes, then the rest, each by alphabet: ruff's order for ``__all__``."""
    if name.isupper():
        return 0, name
    return (1 if name[:1].isupper() else 2), name


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning")  # MLflow, on defining a model class
def test_what_all_names_exists_and_says_what_it_is() -> None:
    def found(path: Path) -> Iterator[str]:
        module = importlib.import_module(_module(path))
        if not module.__doc__:
            yield "has no docstring"
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name, None)
            if thing is None:
                yield f"has no {name}"
            elif callable(thing) and getattr(thing, "__module__", "").startswith(_PACKAGES) and not thing.__doc__:
                yield f"{name} has no docstring"

    assert _offences(_SOURCES, found) == []


def test_importing_a_room_loads_no_heavy_library() -> None:
    """In one fresh interpreter, module by module, so that the first culprit is named."""
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[2].split(','):\n"
        "    importlib.import_module(name)\n"
        "    loaded = [heavy for heavy in sys.argv[1].split(',') if heavy in sys.modules]\n"
        "    if loaded: sys.exit(f'importing {name} loads {loaded}')\n"
    )
    modules = ",".join(_module(path) for path in _SOURCES if _module(path) not in _IS_MLFLOW)
    result = subprocess.run(
        [sys.executable, "-c", code, ",".join(_HEAVY), modules],
        capture_output=True,
        text=True,
        check=False,
        cwd=_ROOT,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
    )
    assert result.returncode == 0, result.stderr


def test_project_scripts_import_only_the_library() -> None:
    """They are no package, so import-linter does not see them."""
    allowed = {"interp_pipeline", "click", *sys.stdlib_module_names}

    def found(path: Path) -> set[str]:
        return {module.split(".")[0] for module in _imported(path)} - allowed

    assert _offences(sorted((_ROOT / "projects").rglob("*.py")), found) == []


_OF_ENVIRONMENT = {
    "mlflow_plugin/settings.py",
    "mlflow_plugin/sandbox/environment.py",  # what of the host's environment a child gets: no setting
}


def test_only_settings_reads_the_environment_of_the_host() -> None:
    host = [p for p in _SOURCES if _name(p).startswith("mlflow_plugin") and _name(p) not in _OF_ENVIRONMENT]

    def found(path: Path) -> set[str]:
        names = {node.attr for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)}
        return names & {"environ", "getenv"}

    assert _offences(host, found) == []


def test_numbers_that_people_read_are_written_in_one_way() -> None:
    """``readable`` and what stands on it write numbers; a format of its own makes two ways of one number."""

    def found(path: Path) -> list[str]:
        specs = [n.format_spec for n in ast.walk(_tree(path)) if isinstance(n, ast.FormattedValue) and n.format_spec]
        ends = [spec.values[-1] for spec in specs if isinstance(spec, ast.JoinedStr)]
        texts = [(end.lineno, str(end.value)) for end in ends if isinstance(end, ast.Constant)]
        return [f"line {line}: {text}" for line, text in texts if text[-1:] in set("efg%")]

    assert _offences([path for path in _SOURCES if _is_drawn(path)], found) == []


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found
