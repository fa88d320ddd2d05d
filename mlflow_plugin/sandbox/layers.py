"""The layers a child is held by: which of them work here, and how they are put on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from interp_pipeline.errors import UsageError
from mlflow_plugin.sandbox import landlock, seccomp
from mlflow_plugin.sandbox.kernel import PR_SET_NO_NEW_PRIVS, drop_capabilities, prctl
from mlflow_plugin.sandbox.limits import apply_rlimits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlflow_plugin.sandbox.order import Order
    from mlflow_plugin.settings import SandboxMode

__all__ = ["ALWAYS", "BY_KERNEL", "choose_layers", "put_on", "working_here"]

ALWAYS = ("process", "bare_environment", "session")  # every child has these, whatever the mode
BY_KERNEL = ("rlimits", "capabilities", "no_new_privs", "landlock", "seccomp")  # in the order they are put on

_ADVICE = {
    "landlock": (
        "it needs Linux 5.13 or newer with landlock among the kernel's security modules (the boot option lsm=), "
        "and a container runtime that lets its calls through"
    ),
    "seccomp": "it needs Linux on x86_64 or aarch64, and a kernel built with CONFIG_SECCOMP_FILTER",
}


def working_here() -> dict[str, bool]:
    """For each layer of the kernel's whether it can be put on here. Changes nothing."""
    linux = sys.platform == "linux"
    return {
        "rlimits": os.name == "posix",
        "capabilities": linux and os.uname().machine in seccomp.ARCHITECTURES,
        "no_new_privs": linux,
        "landlock": linux and landlock.abi_version() > 0,
        "seccomp": linux and seccomp.is_available(),
    }


def choose_layers(mode: SandboxMode, working: Mapping[str, bool], *, abi: int, least_abi: int = 1) -> dict[str, bool]:
    """Which layers children get: by name, True for those that hold them.

    Args:
        mode: ``required``, ``auto`` or ``off``.
        working: what ``working_here`` says.
        abi: version of Landlock's ABI that would be asked for.
        least_abi: what has to be there where all are required.

    Raises:
        UsageError: all are required and one does not work here, or Landlock has an older ABI.
    """
    missing = [name for name in BY_KERNEL if not working[name]]
    if mode == "required" and missing:
        why = "; ".join(f"{name} ({_ADVICE[name]})" if name in _ADVICE else name for name in missing)
        msg = (
            f"the sandbox lacks a layer on this machine: {why}. Run the worker where it has them, or set "
            "INTERP_SANDBOX=auto to go without, which lets the code of models reach more than their task"
        )
        raise UsageError(msg)
    if mode == "required" and abi < least_abi:
        msg = (
            f"the sandbox has Landlock's ABI {abi} on this machine (Linux {os.uname().release}), and its mode, "
            f"required:abi={least_abi}, asks for {least_abi}, which came with Linux {landlock.SINCE_LINUX[least_abi]}: "
            f"run the worker on such a kernel, or ask for less, as INTERP_SANDBOX=required:abi={abi} does"
        )
        raise UsageError(msg)
    return dict.fromkeys(ALWAYS, True) | {name: mode != "off" and working[name] for name in BY_KERNEL}


def put_on(order: Order, running: int, readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Hold this process by the layers of the kernel's that its order names, for good.

    Args:
        order: names the layers, out of ``BY_KERNEL``, and what it may use.
        running: processes and threads this user has already.
        readable: files and folders.
        writable: likewise.

    Raises:
        OSError: a layer cannot be put on, which the message names, or would not hold all of the process.
    """
    if order.layers:
        _require_one_thread()
    steps = {
        "rlimits": lambda: apply_rlimits(order.limits, running),
        "capabilities": drop_capabilities,
        "no_new_privs": lambda: prctl(PR_SET_NO_NEW_PRIVS, 1),
        "landlock": lambda: landlock.restrict_files(readable, writable, order.landlock_abi),
        "seccomp": seccomp.install_filter,
    }
    for name in BY_KERNEL:
        if name in order.layers:
            try:
                steps[name]()
            except (OSError, ValueError) as error:
                msg = f"layer {name}: {error}"
                raise OSError(msg) from error


def _require_one_thread() -> None:
    """The kernel holds the thread that asks and those it starts: another one would be out, and could let others out.

    Raises:
        OSError: there is another one.
    """
    if sys.platform == "linux" and (count := sum(1 for _ in Path("/proc/self/task").iterdir())) > 1:
        msg = f"{count - 1} threads were started with the process, before it could be held: no library may do that"
        raise OSError(msg)
