"""Whether LIME's model of one row follows the model: asked by what notebooks show and by pictures, below the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["LEAST_R2", "hardly_follows"]

LEAST_R2 = 0.3  # below it the weights of a row say more about LIME's model than about the model


def hardly_follows(local_r2: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Where the weights of a row are not to be relied on.

    Args:
        local_r2: R² of LIME's models, any shape.
    """
    return np.asarray(np.asarray(local_r2) < LEAST_R2, dtype=np.bool_)
