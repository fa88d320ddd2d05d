"""Compare what drives two or more registered versions, on the same rows, in a run of its own."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from interp_pipeline.comparison import compute_comparison
from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.explainers.registry import known_against_background
from interp_pipeline.explanation import CLASS_SCORES, PROBABILITY, SOFTMAX_SCORE
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.progress import NamedProgress, SilentProgress
from interp_pipeline.stages.chosen_dictionary import find_dictionary
from interp_pipeline.stages.compared_version import ComparedVersion, label_of
from interp_pipeline.stages.compute import compute, load
from interp_pipeline.stages.facts import facts_of_manifest, facts_of_training
from interp_pipeline.stages.fetch import LOGGED_ROWS, fetch
from interp_pipeline.stages.performance import with_performance
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.runs.run_reader import read_published
from interp_pipeline.tracking.runs.training_run import read_training_record
from interp_pipeline.tracking.server import links
from interp_pipeline.tracking.server.open_run import open_run
from interp_pipeline.tracking.server.registry import resolve
from interp_pipeline.tracking.server.session import connect
from interp_pipeline.tracking.sources.declared_data import read_declared

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.comparison import Comparison
    from interp_pipeline.config import CompareConfig
    from interp_pipeline.data.data_dictionary import DataDictionary
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.runs.run_reader import Published
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.server.session import Session

__all__ = ["PublishedComparison", "compare"]

_FEWEST = 2
_DEFAULTS = ExplainConfig()
_EFFORT = ("background_rows", "seed", "max_seconds", "max_error", "max_evaluations")  # how exact an explanation is


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedComparison:
    """What a comparison gave."""

    comparison: Comparison
    run_id: str | None  # None: nothing was published
    report_uri: str


def compare(  # noqa: PLR0913 - most are keywords with a default
    model_uris: Sequence[str],
    config: CompareConfig,
    *,
    explain_config: ExplainConfig,
    data: str | pd.DataFrame | None = None,
    background: str | pd.DataFrame | None = None,
    dictionary: str | None = None,
    publishing: bool = True,
    session: Session | None = None,
    progress: Progress | None = None,
) -> PublishedComparison:
    """Compare the SHAP explanations of versions on the same rows against the same background.

    Published explanations are used where all versions have one for the same rows and background, as exact as
    is asked for; otherwise all are explained anew on the rows and the background of the first, without touching
    what is published. Each is explained by the best SHAP method for it: against one background all of them find
    the same numbers, so there is no method to choose.

    Args:
        model_uris: two or more; the first is the reference.
        config: how many rows, and how to compare.
        explain_config: how versions are explained where that is needed.
        data: rows to compare on: path, URI or frame; None: those of the first version.
        background: background data for all versions, likewise; None: that of the first version.
        dictionary: data dictionary, with which pictures and sentences are made: path or URI; None: what was declared
            for the first version.
        publishing: False computes only; nothing is written.
        session: the connection; None makes one by MLflow's own setting.
        progress: listens.

    Raises:
        UsageError: fewer than two versions, one named twice, or nothing in common to compare.
        ModelError: a version cannot be explained.
        TrackingError: the tracking server or a storage does not answer.
    """
    progress = progress or SilentProgress()
    refs = [ModelRef.parse(uri) for uri in model_uris]
    if len(refs) < _FEWEST:
        msg = "a comparison needs two versions or more: interp compare models:/a/1 models:/a/2"
        raise UsageError(msg)
    session = session or connect(making=False)
    client = session.client
    versions = [resolve(client, ref) for ref in refs]
    _check_distinct(versions)
    chosen = dataclasses.replace(explain_config, rows=config.rows, methods=("shap",), interactions=False)
    names = find_dictionary(client, versions[0], dictionary, read_declared(client, versions[0], ()), None)
    sides = _published(client, versions, chosen, progress) if data is None and background is None else None
    if sides is None:
        sides = _explained(session, versions, chosen, data, background, dictionary, progress)
    elif names is not None:
        _require_shown(names, sides, progress)
    with progress.track("Comparing", 1) as advance:
        comparison = compute_comparison([side.shap for side in sides], [side.label for side in sides], config)
        advance(1)
    if not publishing:
        return PublishedComparison(comparison=comparison, run_id=None, report_uri="")
    from interp_pipeline.stages.publish_comparison import publish_comparison

    name = " vs ".join(side.label for side in sides)[:200]
    experiment_id = sides[0].version.experiment_id
    with open_run(session, f"compare {name}", experiment_id) as run_id:
        publish_comparison(client, run_id, sides, comparison, names, progress)
        experiment_id = client.get_run(run_id).info.experiment_id
    report = f"{layout.COMPARISON}/{layout.REPORT}"
    if told := links.how_to_read(client, run_id, report):
        progress.say(told)
    return PublishedComparison(
        comparison=comparison,
        run_id=run_id,
        report_uri=links.report_uri(client.tracking_uri, experiment_id, run_id, report),
    )


def _check_distinct(versions: Sequence[RegisteredVersion]) -> None:
    uris = [version.uri for version in versions]
    twice = sorted({uri for uri in uris if uris.count(uri) > 1})
    if twice:
        msg = f"{', '.join(twice)} is named twice; compare different versions"
        raise UsageError(msg)


def _published(
    client: MlflowClient, versions: Sequence[RegisteredVersion], config: ExplainConfig, progress: Progress
) -> list[ComparedVersion] | None:
    """The sides as they are published; None unless all speak about the same rows, background and kind of output."""
    found: list[Published] = []
    with progress.track("Reading published explanations", len(versions)) as advance:
        for version in versions:
            published = read_published(client, version)
            if published is None or published.shap is None:
                progress.say(
                    f"{version.uri} has no published SHAP explanation; explaining all versions on the same rows"
                )
                return None
            found.append(published)
            advance(1)
    why = _not_comparable(found, config)
    if why:
        progress.say(f"The published explanations {why}; explaining all versions on the same rows")
        return None
    return [_published_side(client, version, published) for version, published in zip(versions, found, strict=True)]


def _not_comparable(found: Sequence[Published], config: ExplainConfig) -> str:
    """What keeps published explanations from being compared as they are; empty if nothing does."""
    first = found[0]
    same = all(other.rows.equals(first.rows) and other.background.equals(first.background) for other in found)
    if not same or len(first.rows) > config.rows:
        return "are of other rows or against other background data"
    units = {published.manifest["model"]["output_unit"] for published in found}
    if len(units) > 1 or any(_is_other_output(unit, config) for unit in units):
        return "are of other outputs"
    if any(published.shap is None or not known_against_background(published.shap.method) for published in found):
        return "are not all known to be against the same background"
    asked = {name: value for name in _EFFORT if (value := getattr(config, name)) != getattr(_DEFAULTS, name)}
    made = [published.manifest["config"] for published in found]
    other = [name for name, value in asked.items() if any(each.get(name) != value for each in made)]
    return f"were made with another {' and '.join(other)}" if other else ""


def _is_other_output(unit: str, config: ExplainConfig) -> bool:
    """Whether an explanation in this unit is not of the output that is asked for."""
    return (config.output == "probability" and unit in CLASS_SCORES) or (
        config.output == "margin" and unit == PROBABILITY
    )


def _published_side(client: MlflowClient, version: RegisteredVersion, published: Published) -> ComparedVersion:
    if published.shap is None:
        msg = f"{version.uri} was not explained"
        raise AssertionError(msg)
    source = str(published.manifest["rows"]["source"])
    if not published.manifest["model"]["trained_here"]:
        return ComparedVersion(
            version=version, facts=facts_of_manifest(published.manifest), shap=published.shap, data_source=source
        )
    facts = facts_of_training(read_training_record(client, version))
    source = facts.data_source if source == LOGGED_ROWS else source
    return ComparedVersion(version=version, facts=facts, shap=published.shap, data_source=source)


def _require_shown(names: DataDictionary, sides: Sequence[ComparedVersion], progress: Progress) -> None:
    """What ``fetch`` does where versions are explained: of published ones only the features are known."""
    names.require_distinct(*(side.shap.data for side in sides))
    first = sides[0]
    remark = names.unknown_remark([*first.shap.feature_names, str(first.facts.target)], first.version.uri, "feature")
    if remark:
        progress.say(remark)


def _explained(
    session: Session,
    versions: Sequence[RegisteredVersion],
    config: ExplainConfig,
    data: str | pd.DataFrame | None,
    background: str | pd.DataFrame | None,
    dictionary: str | None,
    progress: Progress,
) -> list[ComparedVersion]:
    """The sides, all explained now on the same rows against the same background: those of the first."""
    named = [NamedProgress(label_of(version), progress) for version in versions]
    sides = []
    with tempfile.TemporaryDirectory() as folder:
        first = fetch(
            session,
            versions[0],
            config,
            _made(folder, 0),
            data=data,
            background=background,
            dictionary=dictionary,
            progress=named[0],
        )
        for remark in first.remarks:
            progress.say(remark)
        others = [
            fetch(
                session,
                version,
                config,
                _made(folder, number),
                data=first.rows,
                rows_source=first.rows_source if data is not None else f"the data of {versions[0].uri}",
                background=first.background,
                progress=named[number],
            )
            for number, version in enumerate(versions[1:], start=1)
        ]
        fetched = [first, *others]
        loaded = [load(each, config, listener) for each, listener in zip(fetched, named, strict=True)]
        for other, model in zip(others, loaded[1:], strict=True):
            _check_outputs(versions[0].uri, loaded[0].parts, other.version.uri, model.parts)
        for each, model, listener in zip(fetched, loaded, named, strict=True):
            computed = compute(each, config, listener, model)
            if computed.shap is None:
                msg = f"{each.version.uri} was not explained"
                raise AssertionError(msg)
            source = computed.facts.data_source if each.rows_are_logged else each.rows_source
            facts = with_performance(computed.facts, first.outcomes, computed.shap)
            sides.append(ComparedVersion(version=each.version, facts=facts, shap=computed.shap, data_source=source))
    return sides


def _made(folder: str, number: int) -> Path:
    place = Path(folder, str(number))
    place.mkdir()
    return place


_MADE_THE_SAME = (  # the end of messages about models that may predict the same thing and do not say so
    "if they do, say it with --class-names (of classes, in the models' order), --target (of a number) "
    "or --output (the kind of score)"
)


def _check_outputs(uri: str, model: ExplainableModel, other_uri: str, other: ExplainableModel) -> None:
    """Refuse models that cannot be compared before minutes are spent on explaining them."""
    units = model.output_unit, other.output_unit
    if units[0] != units[1]:
        if {PROBABILITY, *CLASS_SCORES} >= set(units):
            msg = (
                f"{uri} is explained in {_in_words(units[0])} and {other_uri} in {_in_words(units[1])}: "
                "compare both in probabilities with --output probability"
            )
            raise UsageError(msg)
        msg = (
            f"{uri} predicts {_predicted(units[0])} and {other_uri} predicts {_predicted(units[1])}: "
            f"compare models that predict the same thing; {_MADE_THE_SAME}"
        )
        raise UsageError(msg)
    if not set(model.output_names) & set(other.output_names):
        msg = (
            f"{uri} predicts {', '.join(model.output_names)} and {other_uri} predicts "
            f"{', '.join(other.output_names)}: compare models of the same target; {_MADE_THE_SAME}"
        )
        raise UsageError(msg)


def _in_words(unit: str) -> str:
    words = {
        PROBABILITY: "probabilities",
        SOFTMAX_SCORE: f"{SOFTMAX_SCORE}s",
        "decision function": "values of its decision function",
    }
    return words.get(unit, unit)


def _predicted(unit: str) -> str:
    return "classes" if unit == PROBABILITY or unit in CLASS_SCORES else repr(unit)
