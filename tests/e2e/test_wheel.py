"""The wheel alone: everything a command needs lies in it, so that it works without this repository."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.process import bare_environment
from harness.s3 import program

pytestmark = pytest.mark.timeout(1800)

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Installed:
    """An environment that holds the wheel, and an empty folder to work in."""

    programs: Path
    work: Path

    def run(self, name: str, *arguments: str) -> str:
        """What a program of the environment prints; it has to succeed."""
        done = subprocess.run(
            [self.programs / name, *arguments],
            env=bare_environment({"MLFLOW_TRACKING_URI": f"sqlite:///{self.work / 'mlflow.db'}"}),
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, beside the libraries of this one.

    They are added by a ``.pth`` file: Python does not read further ``.pth`` files in the folder it names, so that
    this one's editable installation stays out.
    """
    folder = tmp_path_factory.mktemp("wheel")
    uv, environment = program("uv"), folder / "environment"
    _quietly(uv, "build", "--wheel", "--out-dir", str(folder), str(_ROOT))
    (wheel,) = folder.glob("*.whl")
    _quietly(uv, "venv", "--python", sys.executable, str(environment))
    python = environment / "bin" / "python"
    _quietly(uv, "pip", "install", "--python", str(python), "--no-deps", "--offline", str(wheel))
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    work = folder / "work"
    work.mkdir()
    return Installed(programs=python.parent, work=work)


def _quietly(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_is_the_wheel_that_runs(installed: Installed) -> None:
    code = "import interp_pipeline as a, mlflow_plugin as b; print(a.__file__, b.__file__)"
    for place in installed.run("python", "-c", code).split():
        assert Path(place).is_relative_to(installed.programs.parent)
    assert "explain" in installed.run("interp", "--help")


def test_types_are_seen_by_users(installed: Installed) -> None:
    (site,) = installed.programs.parent.glob("lib/python*/site-packages")
    assert [(site / name / "py.typed").exists() for name in ("interp_pipeline", "mlflow_plugin")] == [True, True]


def test_a_model_is_trained_and_explained_from_an_empty_folder(installed: Installed) -> None:
    """On the bundled table; fonts, templates and plug-ins come from the wheel too."""
    uri = installed.run("interp", "train", "--name", "forest", "--n-estimators", "3").strip()
    assert uri == "models:/forest/1"
    assert installed.run("interp", "explain", uri, "--rows", "4", "--methods", "shap").startswith("runs:/")
    (report,) = installed.work.rglob("report.html")
    assert "forest" in report.read_text(encoding="utf-8")
