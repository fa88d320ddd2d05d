"""The columns of a data set: how each is read, what the target is, which classes it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.config import Task

__all__ = ["Feature", "FeatureKind", "Schema"]

FeatureKind = Literal["numeric", "boolean", "date", "category", "unused"]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One input column and the rule by which it is read."""

    name: str
    kind: FeatureKind
    categories: tuple[str, ...] = ()  # kind "category": names by code; the last may be OTHER
    n_missing: int = 0  # in the data the schema was inferred from
    note: str = ""  # the rule that was applied, in words, where a reader should know it


@dataclass(frozen=True, kw_only=True)
class Schema:
    """All input columns in their order, and the target."""

    features: tuple[Feature, ...]
    target: str
    task: Task
    classes: tuple[str, ...] = ()  # class names, sorted; empty for a regression
    positive_class: str | None = None  # of a binary classifier

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the input columns."""
        return tuple(feature.name for feature in self.features)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the model's outputs: the classes, or the target of a regression."""
        return self.classes or (self.target,)

    @property
    def output_unit(self) -> str:
        """What one unit of the model output is."""
        return self.target if self.task == "regression" else "probability"

    def to_dict(self) -> dict[str, Any]:
        """The schema as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The schema that ``to_dict`` wrote."""
        features = tuple(
            Feature(**{**feature, "categories": tuple(feature["categories"])}) for feature in values["features"]
        )
        return cls(**{**values, "features": features, "classes": tuple(values["classes"])})
