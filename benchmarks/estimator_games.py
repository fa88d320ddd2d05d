"""Three models to estimate Shapley values of, as plain arrays: any Python with numpy can ask them.

``network``: a Keras network; ``kernel machine``: an SVM; ``interactions``: a formula in which up to six
features act together. Needs numpy alone, because shapiq's own interpreter imports it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]
    Forward = Callable[[FloatArray], FloatArray]

__all__ = ["FORWARDS", "answer"]


def _network(arrays: Mapping[str, FloatArray], rows: FloatArray) -> FloatArray:
    hidden = np.maximum(rows @ arrays["w0"] + arrays["b0"], 0)
    hidden = np.maximum(hidden @ arrays["w1"] + arrays["b1"], 0)
    return np.asarray(1 / (1 + np.exp(-(hidden @ arrays["w2"] + arrays["b2"])[:, 0])))


def _kernel_machine(arrays: Mapping[str, FloatArray], rows: FloatArray) -> FloatArray:
    supports = arrays["supports"]
    squares = (rows**2).sum(axis=1)[:, np.newaxis] + (supports**2).sum(axis=1) - 2 * rows @ supports.T
    return np.asarray(np.exp(-arrays["gamma"] * squares) @ arrays["weights"] + arrays["offset"])


def _interactions(arrays: Mapping[str, FloatArray], rows: FloatArray) -> FloatArray:
    del arrays
    x = rows.T
    three, larger = x[0] * x[1] * x[2], np.maximum(x[3], x[4]) * x[5]
    six = np.prod(1 + 0.5 * x[8:14], axis=0)
    return np.asarray(three + larger + np.sin(2 * x[6] * x[7]) + six + x[14] * (x[15] > 0))


FORWARDS: dict[str, Callable[[Mapping[str, FloatArray], FloatArray], FloatArray]] = {
    "network": _network,
    "kernel machine": _kernel_machine,
    "interactions": _interactions,
}


def answer(name: str, arrays: Mapping[str, FloatArray], rows: FloatArray) -> FloatArray:
    """The model's output for each row, asked in blocks that stay in the cache, shape (n_rows,)."""
    blocks = [rows[start : start + 8192] for start in range(0, len(rows), 8192)]
    return np.concatenate([FORWARDS[name](arrays, block) for block in blocks])
