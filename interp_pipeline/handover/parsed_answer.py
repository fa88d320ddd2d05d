"""What the JSON of an answer says, as values that were held against what the parent knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.explainers.registry import Choice
from interp_pipeline.explanation import Cost
from interp_pipeline.handover.answer import FIELDS
from interp_pipeline.handover.files import ANSWER
from interp_pipeline.handover.untrusted_json import BadAnswerError, Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interp_pipeline.explainers.method import Kind, Method

__all__ = ["Effort", "ParsedAnswer", "ParsedInteractions"]

_MOST_OUTPUTS = 1_000  # every one of them has its columns in tables and its share of the plots
_MOST_NOTES = 20
_MOST_DETAILS = 20
_MOST_EVALUATIONS = 2**53


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What an explanation took, and further numbers of its method."""

    cost: Cost
    details: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class ParsedInteractions:
    """Interactions but for their numbers."""

    rows: tuple[int, ...]
    n_pairs: int
    cost: Cost


@dataclass(frozen=True, kw_only=True)
class ParsedAnswer:
    """Everything of an answer but its arrays."""

    columns: tuple[str, ...]  # the features
    output_names: tuple[str, ...]
    output_unit: str
    positive_class: str | None
    words: str
    notes: tuple[str, ...]
    choices: tuple[Choice, ...]
    shap_method: Method | None  # whose values were handed over: the first SHAP method that was chosen
    lime_method: Method | None  # likewise, the first LIME that did not fail
    shap: Effort | None
    lime: Effort | None
    interactions: ParsedInteractions | None
    interactions_why: str
    checks: Mapping[str, float]
    timings_s: Mapping[str, float]
    peak_memory_mb: float

    @classmethod
    def parse(
        cls, content: bytes, key: str, columns: Sequence[str], n_rows: int, methods: Mapping[str, Method]
    ) -> ParsedAnswer:
        """Read the JSON of an answer.

        Args:
            content: of the file.
            key: of the explanation that was asked for.
            columns: of the rows that were handed over.
            n_rows: how many they are.
            methods: those that it may be by; what they give is known from here, and not the child's word.

        Raises:
            BadAnswerError: something in it is not as a computation writes it.
        """
        nodes = dict(zip(FIELDS, Node.parse(content, ANSWER).fields(*FIELDS), strict=True))
        if nodes["key"].text() != key:
            msg = f"{ANSWER} answers another task"
            raise BadAnswerError(msg)
        names, unit, positive = nodes["outputs"].fields("names", "unit", "positive")
        choices = tuple(_choice(node, methods) for node in nodes["choices"].items(len(methods)))
        given = positive.given()
        parsed = cls(
            columns=tuple(columns[node.whole(len(columns))] for node in nodes["columns"].items(len(columns))),
            output_names=tuple(node.text() for node in names.items(_MOST_OUTPUTS)),
            output_unit=unit.text(),
            positive_class=None if given is None else given.text(),
            words=nodes["words"].text(),
            notes=tuple(node.text() for node in nodes["notes"].items(_MOST_NOTES)),
            choices=choices,
            shap_method=_first("shap", choices, methods),
            lime_method=_first("lime", choices, methods),
            shap=_effort(nodes["shap"]),
            lime=_effort(nodes["lime"]),
            interactions=_interactions(nodes["interactions"], n_rows, len(columns)),
            interactions_why=nodes["interactions_why"].text(),
            checks=nodes["checks"].numbers(len(FIELDS)),
            timings_s=nodes["timings_s"].numbers(len(methods) + len(FIELDS)),
            peak_memory_mb=nodes["peak_memory_mb"].number(),
        )
        parsed._require_whole()
        return parsed

    def _require_whole(self) -> None:
        """Refuse what does not belong together."""
        chosen = [choice.name for choice in self.choices]
        distinct = {"columns": self.columns, "outputs": self.output_names, "choices": chosen}
        for what, names in distinct.items():
            if not names or len(set(names)) < len(names):
                msg = f"its {what} are none, or the same twice"
                raise BadAnswerError(msg)
        if self.positive_class is not None and self.positive_class not in self.output_names:
            msg = "its positive class is none of its outputs"
            raise BadAnswerError(msg)
        found = (self.shap is not None, self.lime is not None)
        expected = (self.shap_method is not None, self.lime_method is not None)
        if found != expected or set(self.timings_s) != _stages(chosen):
            msg = "its explanations or timings are not those of its methods"
            raise BadAnswerError(msg)
        if self.interactions is not None and self.shap is None:
            msg = "it has interactions and no SHAP values they divide"
            raise BadAnswerError(msg)


def _stages(chosen: Sequence[str]) -> set[str]:
    """What a computation is timed by."""
    return {"load", "interactions", "check", *chosen}


def _first(kind: Kind, choices: Sequence[Choice], methods: Mapping[str, Method]) -> Method | None:
    """The method of that kind whose numbers are handed over; only LIME may have failed and left SHAP values alone."""
    of_kind = (methods[choice.name] for choice in choices if kind == "shap" or not choice.failed)
    return next((method for method in of_kind if method.kind == kind), None)


def _choice(node: Node, methods: Mapping[str, Method]) -> Choice:
    name, why, evaluations, seconds, failed = node.fields("name", "why", "n_evaluations", "seconds", "failed")
    if name.text() not in methods:
        msg = f"{name.where} is no method"
        raise BadAnswerError(msg)
    n_evaluations, n_seconds = evaluations.given(), seconds.given()
    return Choice(
        name=name.text(),
        why=why.text(),
        n_evaluations=None if n_evaluations is None else n_evaluations.whole(_MOST_EVALUATIONS),
        seconds=None if n_seconds is None else n_seconds.number(),
        failed=failed.text(),
    )


def _effort(node: Node) -> Effort | None:
    given = node.given()
    if given is None:
        return None
    cost, details = given.fields("cost", "details")
    return Effort(cost=_cost(cost), details=details.numbers(_MOST_DETAILS))


def _cost(node: Node) -> Cost:
    seconds, evaluations = node.fields("seconds", "model_evaluations")
    return Cost(seconds=seconds.number(), model_evaluations=evaluations.whole(_MOST_EVALUATIONS))


def _interactions(node: Node, n_rows: int, n_columns: int) -> ParsedInteractions | None:
    given = node.given()
    if given is None:
        return None
    rows, n_pairs, cost = given.fields("rows", "n_pairs", "cost")
    positions = tuple(each.whole(n_rows) for each in rows.items(n_rows))
    if not positions or list(positions) != sorted(set(positions)):
        msg = f"{rows.where} are none, or not in rising order"
        raise BadAnswerError(msg)
    return ParsedInteractions(rows=positions, n_pairs=n_pairs.whole(n_columns**2), cost=_cost(cost))
