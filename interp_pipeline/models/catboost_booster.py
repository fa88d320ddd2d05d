"""A CatBoost model: how it is asked, and which numbers its trees know categories by."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.catboost_document import catboost_document
from interp_pipeline.errors import ModelError
from interp_pipeline.explanation import LOG_ODDS, SOFTMAX_SCORE
from interp_pipeline.models.category_columns import CategoryColumns
from interp_pipeline.models.outputs import MARGIN, several_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.explanation import FloatArray

__all__ = ["CatBoostModel"]

_UNITS = {
    "Logloss": LOG_ODDS,
    "CrossEntropy": LOG_ODDS,
    "MultiClassOneVsAll": LOG_ODDS,  # of each class against the rest
    "MultiClass": SOFTMAX_SCORE,
}
_SEVERAL_LABELS = {"MultiLogloss", "MultiCrossEntropy"}
_NOT_ASKED_FOR = 2.0**33  # beyond every hash, which has 32 bits


class CatBoostModel:
    """A ``BoostedModel``: an object of one of CatBoost's classes."""

    is_trees = True
    gives_probabilities = True

    def __init__(self, native: Any) -> None:
        """Read what was trained.

        Args:
            native: ``CatBoost``, ``CatBoostClassifier``, ``CatBoostRegressor`` or ``CatBoostRanker``, fitted.

        Raises:
            ModelError: it predicts several labels at once.
        """
        self.native = native
        loss = _loss(native)
        if loss in _SEVERAL_LABELS:
            raise several_labels(type(native).__name__)
        classes = np.asarray(native.classes_)
        self.classes = classes if len(classes) else None
        self.n_classes = len(classes)
        self.against_rest = loss == "MultiClassOneVsAll"
        self.margin_unit = _UNITS.get(loss, MARGIN)
        names = tuple(native.feature_names_)
        self.n_features = len(names)
        self.feature_names = None if names == tuple(map(str, range(len(names)))) else names
        self._written = names  # as CatBoost has them, made up or not
        self._texts = tuple(native.get_text_feature_indices())
        self.named_columns = (*native.get_cat_feature_indices(), *self._texts)
        self._hashed = _HashedColumns()
        self._takes_type = "prediction_type" in inspect.signature(native.predict).parameters

    def categories(self, names: tuple[str, ...], rows: pd.DataFrame) -> CategoryColumns:  # noqa: ARG002 - a BoostedModel's
        """None: CatBoost reads values, whatever the type of their column."""
        return CategoryColumns()

    def compared(self, names: tuple[str, ...], rows: pd.DataFrame) -> CategoryColumns:
        """Its columns of categories, by the hashes its trees compare with.

        Args:
            names: what its columns are called in the rows.
            rows: all rows of its input there will be.

        Raises:
            ModelError: its trees compare with something else, which may be made of several columns.
        """
        if self._texts:
            msg = f"CatBoost makes numbers of its own of the texts in {names[self._texts[0]]!r}"
            raise ModelError(msg)
        if not self.named_columns:
            return CategoryColumns()
        asked = _one_hot_splits(self.native)
        numbers = {}
        for position in self.named_columns:
            several = rows.drop_duplicates(names[position])
            numbers[names[position]] = dict(
                zip(
                    several[names[position]].astype(object),
                    _hashes(self.native, several, asked.get(position, {})),
                    strict=True,
                )
            )
        self._hashed = _HashedColumns(values={name: list(known) for name, known in numbers.items()}, numbers=numbers)
        return self._hashed

    def ask(self, model: Any, rows: Any, *, margin: bool) -> Any:
        """CatBoost's own door."""
        if not self._takes_type:
            return model.predict(rows)  # a ranker's answer is its raw score
        if margin:
            return model.predict(rows, prediction_type="RawFormulaVal")
        return model.predict(rows, prediction_type="Probability") if self.n_classes else model.predict(rows)

    def forward(self, encoded: FloatArray, *, margin: bool) -> Any:
        """The model on a plain matrix, categories as hashes."""
        if not self.named_columns:
            return self.ask(self.native, encoded, margin=margin)
        table: dict[str, Any] = dict(zip(self._written, encoded.T, strict=True))
        for position, known in zip(self.named_columns, self._hashed.numbers.values(), strict=True):
            value_of = {number: value for value, number in known.items()}
            table[self._written[position]] = np.array(
                [value_of[number] for number in encoded[:, position].tolist()], dtype=object
            )
        return self.ask(self.native, pd.DataFrame(table), margin=margin)


@dataclass(frozen=True, kw_only=True)
class _HashedColumns(CategoryColumns):
    """Columns of categories as they are, beside the number each value is encoded as."""

    numbers: Mapping[str, Mapping[Any, float]] = field(default_factory=dict)

    def typed(self, rows: pd.DataFrame, *, all_columns: bool = True) -> pd.DataFrame:  # noqa: ARG002 - the same either way
        """The rows as they are."""
        return rows

    def codes(self, rows: pd.DataFrame) -> FloatArray:
        """Rows as the trees compare them, shape of ``rows``."""
        result = np.empty(rows.shape)
        for position, name in enumerate(rows.columns):
            if name in self.numbers:
                known = self.numbers[name]
                result[:, position] = [known[value] for value in rows[name].astype(object)]
            else:
                result[:, position] = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        return result


def _loss(native: Any) -> str:
    """What it was trained for; of a sum of models, which holds no parameters, the loss they share, or nothing."""
    metadata = native.get_metadata()
    known = set(metadata.keys())
    if "params" not in known or not metadata["params"]:
        return str(json.loads(metadata["loss_function"])["type"]) if "loss_function" in known else ""
    return str(native.get_all_params().get("loss_function", "")).partition(":")[0]


def _one_hot_splits(native: Any) -> dict[int, dict[float, tuple[int, int]]]:
    """Per column of categories, where each hash is asked for: tree and bit of its leaves' numbers.

    Raises:
        ModelError: the trees ask for more than single categories, or are not symmetric.
    """
    document = catboost_document(native)
    if "oblivious_trees" not in document:
        msg = "CatBoost's trees have columns of categories and were not grown symmetrically"
        raise ModelError(msg)
    names = document["features_info"].get("categorical_features", [])
    asked: dict[int, dict[float, tuple[int, int]]] = {}
    for tree, grown in enumerate(document["oblivious_trees"]):
        for bit, split in enumerate(grown.get("splits") or []):
            if split["split_type"] == "OneHotFeature":
                column = names[split["cat_feature_index"]]["flat_feature_index"]
                asked.setdefault(column, {})[float(split["value"])] = (tree, bit)
            elif split["split_type"] != "FloatFeature":
                msg = (
                    "CatBoost's trees compare statistics of the target by category (CTR), not the categories themselves"
                )
                raise ModelError(msg)
    return asked


def _hashes(native: Any, rows: pd.DataFrame, asked: Mapping[float, tuple[int, int]]) -> list[float]:
    """The hash of each row's category, found by the leaves it reaches; a number of its own where no split asks."""
    numbers = _NOT_ASKED_FOR + np.arange(len(rows))
    if asked:
        leaves = native.calc_leaf_indexes(rows)
        for value, (tree, bit) in asked.items():
            numbers[leaves[:, tree] >> bit & 1 == 1] = value
    return [float(number) for number in numbers]
