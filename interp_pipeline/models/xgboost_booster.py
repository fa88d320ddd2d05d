"""An XGBoost model: how it is asked, and which categories its trees compare with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explanation import LOG_ODDS, SOFTMAX_SCORE
from interp_pipeline.models.category_columns import CategoryColumns
from interp_pipeline.models.outputs import MARGIN, several_labels
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.explanation import FloatArray

__all__ = ["XGBoostModel"]

_NAMED = 5  # categories in a message
_UNITS = {
    "binary:logistic": LOG_ODDS,
    "binary:logitraw": LOG_ODDS,
    "reg:logistic": LOG_ODDS,
    "multi:softmax": SOFTMAX_SCORE,
    "multi:softprob": SOFTMAX_SCORE,
}
_PROBABILITIES = {"binary:logistic", "reg:logistic", "multi:softprob"}  # of the others the prediction is none


class XGBoostModel:
    """A ``BoostedModel``: an object of XGBoost's scikit-learn interface, or a Booster."""

    against_rest = False
    named_columns: tuple[int, ...] = ()  # they show in the types of columns

    def __init__(self, native: Any) -> None:
        """Read what was trained.

        Args:
            native: ``XGBClassifier`` or the like, or ``Booster``.

        Raises:
            ModelError: it predicts several labels at once.
        """
        self.native = native
        self._wrapped = hasattr(native, "get_booster")
        self._booster = native.get_booster() if self._wrapped else native
        learner = json.loads(self._booster.save_config())["learner"]
        objective = str(learner["objective"]["name"])
        self.is_trees = learner["gradient_booster"]["name"] != "gblinear"
        self.classes = getattr(native, "classes_", None) if self._wrapped else None
        several = int(learner["learner_model_param"]["num_class"])
        self.n_classes = 0
        if self.classes is not None:  # whatever the objective: the object answers with classes
            self.n_classes = len(self.classes)
        elif objective.startswith(("binary:", "multi:")):
            self.n_classes = max(several, 2)
        if self.n_classes and int(learner["learner_model_param"].get("num_target", 1)) > 1:
            raise several_labels(type(native).__name__)
        self.margin_unit = _UNITS.get(objective, MARGIN)
        # The scikit-learn object asks for probabilities whatever the objective; hinge has none even so.
        self.gives_probabilities = objective in _PROBABILITIES or (self._wrapped and objective == "multi:softmax")
        self.feature_names = tuple(self._booster.feature_names) if self._booster.feature_names else None
        self.n_features = int(self._booster.num_features())
        self._missing = float(native.missing) if self._wrapped else np.nan
        self._trees_used = (0, _n_rounds(native)) if self._wrapped else (0, 0)

    def categories(self, names: tuple[str, ...], rows: pd.DataFrame) -> CategoryColumns:
        """Its categorical columns, when its columns are called so.

        Args:
            names: what its columns are called in the rows.
            rows: some rows of its input.

        Raises:
            ModelError: the model was trained by an XGBoost that does not store its categories, or not whole.
        """
        types = self._booster.feature_types or []
        categorical = [name for name, kind in zip(names, types, strict=False) if kind == "c"]
        if not categorical:
            return CategoryColumns()
        stored: dict[str, list[Any]] = {}
        if hasattr(self._booster, "get_categories"):
            listed = self._booster.get_categories(export_to_arrow=True).to_arrow()
            stored = {name: values for name, (_, values) in zip(names, listed, strict=True) if values is not None}
            stored = {name: _whole(values, rows[name]) for name, values in stored.items()}
        if not stored and self.feature_names is not None:
            msg = (
                f"the model reads {categorical[0]!r} as categories and does not hold their values, so their codes "
                "cannot be known; train it again with XGBoost 3.1 or later"
            )
            raise ModelError(msg)
        return CategoryColumns(values=stored)

    def compared(self, names: tuple[str, ...], rows: pd.DataFrame) -> CategoryColumns:
        """The same columns: its trees compare positions of categories."""
        return self.categories(names, rows)

    def ask(self, model: Any, rows: Any, *, margin: bool) -> Any:
        """XGBoost's own door."""
        if not self._wrapped:
            import xgboost

            return model.predict(xgboost.DMatrix(rows, enable_categorical=True), output_margin=margin)
        if margin:
            return model.predict(rows, output_margin=True)
        return model.predict_proba(rows) if self.n_classes else model.predict(rows)

    def forward(self, encoded: FloatArray, *, margin: bool) -> Any:
        """The booster on a plain matrix, categories as codes."""
        if not np.isnan(self._missing):
            encoded = np.where(encoded == self._missing, np.nan, encoded)
        if self.is_trees:
            kind = "margin" if margin else "value"
            return self._booster.inplace_predict(
                encoded, iteration_range=self._trees_used, predict_type=kind, validate_features=False
            )
        import xgboost

        matrix = xgboost.DMatrix(
            encoded, feature_names=self._booster.feature_names, feature_types=self._booster.feature_types
        )
        return self._booster.predict(matrix, output_margin=margin)


def _n_rounds(native: Any) -> int:
    """Rounds the scikit-learn object predicts with: up to the best one where training stopped early; 0 for all."""
    try:
        return int(native.best_iteration) + 1
    except AttributeError:  # XGBoost's own way to say that training did not stop early
        return 0


def _whole(values: Any, column: pd.Series[Any]) -> list[Any]:
    """Stored categories of a column, as XGBoost up to 3.3 stores those that are not ASCII: with bytes missing.

    Raises:
        ModelError: they are not whole, so that the codes of those in the rows cannot be known.
    """
    stored: list[Any] | None
    try:
        stored = values.to_pylist()
    except UnicodeDecodeError:
        stored = None
    given = [value for value in column.dropna().unique() if isinstance(value, str)]
    unknown = [value for value in given if stored is None or value not in stored]
    if stored is not None:
        beyond_ascii = any(isinstance(value, str) and not value.isascii() for value in stored)
        seen_whole = any(value in stored and not value.isascii() for value in given)
        if not (beyond_ascii and unknown and not seen_whole):
            return stored
    held = "cannot be read as text" if stored is None else f"are {', '.join(map(shown, stored[:_NAMED]))}"
    msg = (
        "XGBoost up to 3.3 stores the names of categories that are not ASCII with their ends cut off: those the model "
        f"holds of the column {shown(column.name)} {held}, the rows have {', '.join(map(shown, unknown[:_NAMED]))}; "
        "train it again with XGBoost 3.4 or later, or with names in ASCII"
    )
    raise ModelError(msg)
