"""The same sums in every process: a network trained or explained from a notebook gives the numbers of the command."""

from __future__ import annotations

import os

__all__ = ["fix_summation_order"]


def fix_summation_order() -> None:
    """Have TensorFlow sum in one order, unless the person has chosen otherwise.

    To be called before TensorFlow is first imported, which reads the setting then; later it has no effect.
    oneDNN's kernels choose the order of a sum by the machine, and with it the last digits, which training
    amplifies.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
