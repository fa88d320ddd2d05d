"""What a served model answers with for each class, which need not be what the class is called here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.models.outputs import Wanted, class_names

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["class_labels"]


def class_labels(native: Any, names: Sequence[str]) -> dict[str, str]:
    """Names of the classes by the labels that the model itself knows them by.

    Args:
        native: the loaded model; ``classes_`` holds its labels, if it has some.
        names: what the caller calls the classes, in the model's order; empty: as the model does.

    Returns:
        Class name by label; empty where the model has no labels of one target.

    Raises:
        UsageError: the names are not as many as the classes, or contradict the model's.
        ModelError: two classes have the same name.
    """
    try:
        classes = getattr(native, "classes_", None)
    except Exception:  # noqa: BLE001 - a property of the model's own, which may raise what it likes where unset
        return {}
    if classes is None or isinstance(classes, list) or np.ndim(classes) != 1:
        return {}
    own = [name_of(label) for label in np.asarray(classes).tolist()]
    called = class_names(classes, len(own), Wanted(output_names=tuple(names) or None))
    return dict(zip(own, called, strict=True))
