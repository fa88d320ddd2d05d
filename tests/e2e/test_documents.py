"""Every command of README.md and docs/ runs as it is written, page by page, in one shell in an empty folder.

What stands in a comment above a block says how it is treated: ``<!-- not run: WHY -->`` leaves it out, and
``<!-- in the foreground -->`` starts it as in a terminal of its own and waits until it serves. Ports are replaced by
free ones; nothing else is. ``<!-- a data dictionary -->`` tells such a file from a configuration.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.process import bare_environment, free_ports

pytestmark = pytest.mark.timeout(600)

_ROOT = Path(__file__).parents[2]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_FOREGROUND = "in the foreground"
_DICTIONARY = "a data dictionary"  # of TOML; else it is a configuration
_PORTS = ("5000", "8080")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    language: str
    code: str
    note: str  # of the comment above it

    @property
    def runs(self) -> bool:
        return self.language in {"bash", "python"} and not self.note.startswith("not run: ")


def _blocks(page: Path) -> list[Block]:
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(language=each["language"], code=each["code"], note=each["note"] or "") for each in found]


def _name(page: Path) -> str:
    return str(page.relative_to(_ROOT))


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_blocks_say_what_they_are(page: Path) -> None:
    text, blocks = page.read_text(encoding="utf-8"), _blocks(page)
    assert text.count("```") == 2 * len(blocks)  # the pattern has found each of them
    for block in blocks:
        assert block.language in {"bash", "python", "toml", ""}, block.code
        assert block.note in {"", _FOREGROUND, _DICTIONARY} or re.fullmatch(r"not run: \w.{10,}", block.note), (
            block.note
        )
    assert not re.search(r"pkill|killall", text)  # what ends every worker of a machine


def _runnable(page: Path) -> bool:
    return any(block.runs for block in _blocks(page))


def test_the_pages_with_commands_are_found() -> None:
    assert {"README.md", "docs/how-to/webhook.md", "docs/tutorial/first-worker.md"} <= {
        _name(page) for page in _PAGES if _runnable(page)
    }


@pytest.mark.parametrize("page", [page for page in _PAGES if _runnable(page)], ids=_name)
def test_every_command_runs_as_it_is_written(page: Path, tmp_path: Path) -> None:
    ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
    script = tmp_path / "page.sh"
    script.write_text(_script(_blocks(page), ports, tmp_path), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = bare_environment(
        {
            "PATH": path,
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "INTERP_CONFIG": str(_quick_worker(tmp_path)),
            "MLFLOW_PORT": ports["5000"],  # where no command names one
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # six processes that nothing here uses
        }
    )
    folder = tmp_path / "page"
    folder.mkdir()
    said = tmp_path / "said.txt"
    with said.open("w") as output:
        started = subprocess.Popen(
            ["bash", str(script)], cwd=folder, env=shell, stdout=output, stderr=output, start_new_session=True
        )
    try:
        code = started.wait(timeout=500)
    except subprocess.TimeoutExpired:
        code = -1
    finally:
        _end(started.pid)
        started.wait()
    assert code == 0, said.read_text(encoding="utf-8")[-5000:]


def _quick_worker(place: Path) -> Path:
    """Settings under which a worker looks more often, and is given up sooner, than as they come."""
    path = place / "quick.toml"
    path.write_text("[worker]\nscan_every_s = 2.0\nlease_s = 6.0\nheartbeat_s = 2.0\n", encoding="utf-8")
    return path


def _script(blocks: list[Block], ports: dict[str, str], place: Path) -> str:
    """All blocks of a page, one after the other in one shell, which ends at the first command that fails."""
    lines = ["set -eo pipefail"]
    for number, block in enumerate(blocks):
        if not block.runs:
            continue
        code = block.code
        for port, free in ports.items():
            code = code.replace(f":{port}", f":{free}").replace(f"--port {port}", f"--port {free}")
        lines.append(f"echo '=== block {number}'")
        if block.language == "python":
            (place / f"block_{number}.py").write_text(code, encoding="utf-8")
            lines.append(f"python {place}/block_{number}.py")
        elif block.note == _FOREGROUND:
            port = _served(code) or ports["5000"]
            lines += [f"({code.strip()}) &", f"until (: < /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.2; done"]
        else:
            lines.append(code)
    return "\n".join(lines) + "\n"


def _served(code: str) -> str | None:
    """The port a command serves at; None: it takes its usual one."""
    found = re.search(r"--port (\d+)|--listen [\d.]+:(\d+)", code)
    return found and (found[1] or found[2])


def _end(group: int) -> None:
    """End the shell and whatever it has started, servers and workers."""
    found = subprocess.run(["pgrep", "-s", str(group)], capture_output=True, text=True, check=False).stdout.split()
    for pid in map(int, found):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "block",
    [b for page in _PAGES for b in _blocks(page) if b.language == "toml" and not b.note.startswith("not run: ")],
    ids=lambda b: b.code.split("\n")[0],
)
def test_every_file_in_toml_is_read(block: Block, tmp_path: Path) -> None:
    from interp_pipeline.data.data_dictionary import read_dictionary
    from mlflow_plugin.settings import load_settings

    file = tmp_path / "file.toml"
    file.write_text(block.code, encoding="utf-8")
    read = read_dictionary if block.note == _DICTIONARY else load_settings
    assert read(str(file))
