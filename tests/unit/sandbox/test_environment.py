from __future__ import annotations

import os
import socket
from pathlib import Path

from mlflow_plugin.sandbox.channel import Channel
from mlflow_plugin.sandbox.environment import bare_environment
from mlflow_plugin.sandbox.limits import Limits
from mlflow_plugin.sandbox.order import Order
from mlflow_plugin.sandbox.readable_paths import installed_code
from mlflow_plugin.sandbox.watch import Watch

_ROOT = Path(__file__).parents[3]


def test_nothing_passes_that_is_not_on_the_list() -> None:
    secret = "hunter2"
    theirs = dict.fromkeys(
        ("AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "INTERP_JOBS_URI", "PGPASSWORD", "HOME", "PYTHONPATH"),
        secret,
    )
    environment = bare_environment(Path("/scratch"), {**theirs, "PATH": "/bin", "OMP_NUM_THREADS": "2"})
    assert secret not in environment.values()
    assert (environment["PATH"], environment["OMP_NUM_THREADS"], environment["HOME"]) == ("/bin", "2", "/scratch")
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == environment["DO_NOT_TRACK"] == "true"


def test_of_a_checkout_only_the_packages_can_be_read() -> None:
    places = installed_code()
    assert {_ROOT / "interp_pipeline", _ROOT / "mlflow_plugin"} <= set(places)
    for place in places:
        assert not (_ROOT / "pyproject.toml").is_relative_to(place)
        assert not (_ROOT / "tests").is_relative_to(place)


def test_neither_proc_nor_a_home_folder_can_be_read() -> None:
    for place in installed_code():
        assert not Path("/proc/1/environ").is_relative_to(place)
        assert not (Path.home() / ".aws" / "credentials").is_relative_to(place)
        assert not Path("/etc/passwd").is_relative_to(place)


def test_an_order_survives_its_way() -> None:
    order = Order(
        function="a:b",
        task=Path("/t"),
        answer=Path("/a"),
        scratch=Path("/s"),
        readable=(Path("/r"),),
        layers=("rlimits",),
        landlock_abi=4,
        limits=Limits(cpu_s=3),
    )
    ours, theirs = socket.socketpair()
    one, other = Channel(ours), Channel(theirs)
    source, target = os.pipe()
    one.send({"start": order.to_message()}, [target])
    one.send({"next": True})
    received = other.receive()
    assert received is not None
    message, (passed,) = received
    assert Order.of_message(message["start"]) == order
    assert other.receive() == ({"next": True}, [])
    os.write(passed, b"through")
    assert os.read(source, 10) == b"through"
    one.close()
    assert other.receive() is None
    other.close()
    for descriptor in (source, target, passed):
        os.close(descriptor)


def test_the_watch_sees_threads_memory_and_files(tmp_path: Path) -> None:
    generous = Limits()
    assert Watch(os.getpid(), generous, [tmp_path]).excess() is None
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x" * (1 << 20))
    (tmp_path / "link").symlink_to("/usr/lib")
    seen = {
        "memory": Watch(os.getpid(), Limits(memory_bytes=1 << 20), [tmp_path]).excess(),
        "threads": Watch(os.getpid(), Limits(threads=0), [tmp_path]).excess(),
        "to disk": Watch(0, Limits(disk_bytes=1 << 19), [tmp_path]).excess(),
        "more than 2 files": Watch(0, Limits(files=2), [tmp_path]).excess(),
    }
    for words, excess in seen.items():
        assert excess is not None, words
        assert words in excess.what
        assert excess.out_of_memory == (words == "memory")
    assert Watch(0, Limits(files=3), [tmp_path]).excess() is None
