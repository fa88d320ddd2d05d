"""A CatBoost model as CatBoost itself writes it down: trees, borders and categories with all their digits."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from interp_pipeline.errors import ModelError

__all__ = ["catboost_document"]


def catboost_document(native: Any) -> dict[str, Any]:
    """The JSON of a model.

    Args:
        native: fitted object of the library catboost.

    Raises:
        ModelError: CatBoost does not write models of this kind as JSON.
    """
    import catboost

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        try:
            native.save_model(str(file), format="json")
        except catboost.CatBoostError as error:
            lines = str(error).strip().splitlines()
            msg = f"CatBoost does not write the model as JSON ({lines[-1] if lines else 'it does not say why'})"
            raise ModelError(msg) from error
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document
