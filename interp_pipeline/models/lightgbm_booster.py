"""A LightGBM model: how it is asked, and which categories its trees compare with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pandas.api.types import is_numeric_dtype

from interp_pipeline.errors import ModelError
from interp_pipeline.explanation import LOG_ODDS, SOFTMAX_SCORE
from interp_pipeline.models.category_columns import CategoryColumns
from interp_pipeline.models.outputs import MARGIN
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.explanation import FloatArray

__all__ = ["LightGBMModel"]

_OBJECTIVE = re.compile(r"^objective=(.*)$", re.MULTILINE)
_CATEGORICAL = re.compile(r"^\[categorical_feature: ([\d,]+)\]$", re.MULTILINE)
_AVERAGES = re.compile(r"^average_output$", re.MULTILINE)
_LOGISTIC = {"binary", "multiclassova", "cross_entropy"}  # a sigmoid for every score, which may be steeper or flatter
_PROBABILITIES = {"binary", "multiclass", "multiclassova", "cross_entropy"}  # of classes; others answer otherwise


class LightGBMModel:
    """A ``BoostedModel``: an object of LightGBM's scikit-learn interface, or a Booster."""

    is_trees = True
    named_columns: tuple[int, ...] = ()  # they show in the types of columns

    def __init__(self, native: Any) -> None:
        """Read what was trained.

        Args:
            native: ``LGBMClassifier`` or the like, or ``Booster``.
        """
        self.native = native
        self._wrapped = hasattr(native, "booster_")
        self._booster = native.booster_ if self._wrapped else native
        text = self._booster.model_to_string(num_iteration=1)
        found = _OBJECTIVE.search(text)
        objective, *options = found[1].split() if found else [""]
        settings = dict(option.split(":", 1) for option in options if ":" in option)
        self.classes = getattr(native, "classes_", None) if self._wrapped else None
        self.n_classes = 0
        if self.classes is not None:  # whatever the objective: the object answers with classes
            self.n_classes = len(self.classes)
        elif objective in {"binary", "multiclass", "multiclassova"}:
            self.n_classes = int(settings.get("num_class", 2))
        self.gives_probabilities = objective in _PROBABILITIES
        self.against_rest = objective == "multiclassova"
        self.margin_unit = SOFTMAX_SCORE if objective == "multiclass" else MARGIN
        if objective in _LOGISTIC and float(settings.get("sigmoid", 1)) == 1.0:
            self.margin_unit = LOG_ODDS
        # A random forest's raw score is the sum of its trees, and its prediction belongs to their mean.
        best = int(self._booster.best_iteration)
        rounds = best if best > 0 else int(self._booster.current_iteration())
        self._shared_by = max(rounds, 1) if _AVERAGES.search(text) else 1
        names = tuple(self._booster.feature_name())
        self.n_features = len(names)
        self.feature_names = None if names == tuple(f"Column_{i}" for i in range(len(names))) else names
        listed = _CATEGORICAL.search(text)
        self._categorical = [int(i) for i in listed[1].split(",")] if listed else []

    def categories(self, names: tuple[str, ...], rows: pd.DataFrame) -> CategoryColumns:
        """Its columns of pandas categories, when its columns are called so.

        LightGBM gives each category its position, and treats ordered ones as numbers from there on. It stores
        the values of all of them and, of the columns, only those it does not treat as numbers; the others are
        those that do not hold numbers. Columns of whole numbers that LightGBM was told to treat as categories
        are their own codes.

        Args:
            names: what its columns are called in the rows.
            rows: some rows of its input.

        Raises:
            ModelError: which columns the stored categories belong to cannot be known.
        """
        stored = self._booster.pandas_categorical or []
        if not stored:
            return CategoryColumns()
        columns = {i for i, name in enumerate(names) if not is_numeric_dtype(rows[name].dtype)}
        if len(columns) != len(stored):
            columns |= set(self._categorical)
        if len(columns) != len(stored):
            found = ", ".join(shown(names[i]) for i in sorted(columns)) or "none"
            msg = (
                f"the model holds the values of {len(stored)} columns of categories, and of the given columns "
                f"{len(columns)} could be among them ({found}); "
                "give rows whose columns have the types of training, categories as pandas categories"
            )
            raise ModelError(msg)
        values = {names[i]: each for i, each in zip(sorted(columns), stored, strict=True)}
        return CategoryColumns(values=values, unseen_is_missing=True)

    def compared(self, names: tuple[str, ...], rows: pd.DataFrame) -> CategoryColumns:
        """The same columns: its trees compare positions of categories."""
        return self.categories(names, rows)

    def ask(self, model: Any, rows: Any, *, margin: bool) -> Any:
        """LightGBM's own door; a random forest's margin is the mean over its trees."""
        if margin:
            return model.predict(rows, raw_score=True) / self._shared_by
        return model.predict_proba(rows) if self._wrapped and self.n_classes else model.predict(rows)

    def forward(self, encoded: FloatArray, *, margin: bool) -> Any:
        """The booster on a plain matrix, categories as codes."""
        answer = self._booster.predict(encoded, raw_score=margin)
        return answer / self._shared_by if margin else answer
