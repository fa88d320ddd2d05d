"""Explain a model that MLflow has loaded to evaluate it, on the rows it is evaluated on, in the evaluation's run.

It is explained as it is loaded: nothing is downloaded again, and a model that was never logged can be explained too.
Background data is, by the first that there is, what the caller gives; what somebody declared for the registered
version; what was logged with the model, see ``rows``; rows of the evaluation data, beside the explained ones.
No version learns of the explanation, nor does it replace one: a version's own stays what it is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from interp_pipeline.data.outcomes import kind_of_outcomes
from interp_pipeline.data.sources import source_digest
from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.errors import NoDataError
from interp_pipeline.explainers.registry import check_methods, needs_background, only_second_opinions
from interp_pipeline.readable import count
from interp_pipeline.stages.chosen_dictionary import find_dictionary
from interp_pipeline.stages.compute import compute, require_readable, tables_of
from interp_pipeline.stages.fetch import Fetched, refuse_other_names, require_shown, types_in_training
from interp_pipeline.stages.publish import announcement_of, prepare
from interp_pipeline.stages.render import lime_alone
from interp_pipeline.stages.rows.choose_rows import Given, choose_rows, declared_table, drawn_from, given_table
from interp_pipeline.stages.rows.logged_tables import Search
from interp_pipeline.stages.rows.row_remarks import rows_remarks
from interp_pipeline.stages.rows.unseen_categories import unseen_remarks
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.models.evaluated_model import choose_place, find_evaluated
from interp_pipeline.tracking.models.load import adapt_served
from interp_pipeline.tracking.models.model_file import describe_model
from interp_pipeline.tracking.runs import manifest
from interp_pipeline.tracking.runs.artifacts import replace_folder
from interp_pipeline.tracking.runs.run_writer import announce_evaluation
from interp_pipeline.tracking.runs.training_run import read_training_record
from interp_pipeline.tracking.sources.declared_data import NOTHING_DECLARED, read_declared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.data.data_dictionary import DataDictionary
    from interp_pipeline.data.declared import DeclaredTypes
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.compute import Computed
    from interp_pipeline.stages.rows.choose_rows import Chosen
    from interp_pipeline.stages.rows.logged_tables import Table
    from interp_pipeline.tracking.models.evaluated_model import EvaluatedModel, Place
    from interp_pipeline.tracking.models.model_file import ModelFile
    from interp_pipeline.tracking.runs.training_run import TrainingRecord
    from interp_pipeline.tracking.server.session import Session
    from interp_pipeline.tracking.sources.declared_data import DataDefault, Declared

__all__ = ["Evaluation", "ExplainedEvaluation", "explain_evaluation"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What is evaluated, and on what."""

    pyfunc: Any  # as mlflow.pyfunc.load_model gives it
    run_id: str  # where the results go
    rows: pd.DataFrame  # features alone
    names_given: bool  # False: of an array, whose columns have only numbers
    outcomes: Any  # true values, shape (n_rows,); None: not known
    target: str | None  # their name, where it is known
    background: str | pd.DataFrame | None = None  # path, URI or frame; None: see the order at the top


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedEvaluation:
    """What lies in the evaluation's run now."""

    root: str  # artifact directory
    files: Mapping[str, bytes]  # content by path below it, the manifest among them
    metrics: Mapping[str, float]
    images: Mapping[str, str]  # path below the root by key of the image grid


def explain_evaluation(
    session: Session,
    evaluation: Evaluation,
    config: ExplainConfig,
    *,
    defaults: Sequence[DataDefault] = (),
    prefix: str = "",
    progress: Progress,
) -> ExplainedEvaluation:
    """Explain an evaluated model, and write the result to the evaluation's run.

    Args:
        session: the connection.
        evaluation: model, rows and run.
        config: methods, rows, accuracy.
        defaults: tables that the configuration declares for models, by name.
        prefix: of artifact directory, metrics and pictures; empty: none, or ``layout.EVALUATION_PREFIX`` in a run that
            models were logged to.
        progress: listens.

    Raises:
        UsageError: an option does not fit the model, or a table lacks a column.
        ModelError: the model cannot be explained, or its explanation failed the checks.
        TrackingError: the server or a storage does not answer.
    """
    check_methods(config.methods)
    if only_second_opinions(config.methods):
        raise lime_alone()
    client = session.client
    subject = _subject(client, evaluation, config)
    place = choose_place(client, subject.model, evaluation.run_id, prefix)
    declared = read_declared(client, subject.model, defaults) if subject.model.registered_as else NOTHING_DECLARED
    chosen = _choose(client, subject, evaluation, config, declared, progress)
    dictionary = find_dictionary(client, subject.model, None, declared, None)
    if dictionary is not None:
        chosen = require_shown(dictionary, chosen, subject.record, subject.target, subject.model.uri)
    fetched = _fetched(subject, place, chosen, config, dictionary, session.workspace)
    for remark in fetched.remarks:
        progress.say(remark)
    computed = _compute(evaluation, subject.file, fetched, config, progress)
    return _write(client, place, fetched, computed, config, progress)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Subject:
    """What is known of the model before any row is looked at."""

    model: EvaluatedModel
    file: ModelFile
    record: TrainingRecord | None  # None: it was not trained here, or the run it was trained in is gone
    target: str | None

    @property
    def names(self) -> list[str]:
        """Its features; empty where only the loaded model knows them."""
        if self.record is not None:
            return list(self.record.schema.feature_names)
        return self.file.names

    @property
    def optional(self) -> frozenset[str]:
        """Those that rows may lack."""
        return frozenset() if self.record is not None else self.file.optional

    @property
    def types(self) -> DeclaredTypes:
        """What is known of the types of columns."""
        return self.file.types if self.record is None else types_in_training(self.record.schema)


def _subject(client: MlflowClient, evaluation: Evaluation, config: ExplainConfig) -> _Subject:
    model = find_evaluated(client, evaluation.pyfunc.metadata)
    file = describe_model(evaluation.pyfunc.metadata, model.uri)
    if file.own is None or not model.run_id:
        return _Subject(model=model, file=file, record=None, target=config.target or evaluation.target)
    record = read_training_record(client, model)
    refuse_other_names(record.schema, config, model.uri)
    return _Subject(model=model, file=file, record=record, target=record.schema.target)


def _choose(
    client: MlflowClient,
    subject: _Subject,
    evaluation: Evaluation,
    config: ExplainConfig,
    declared: Declared,
    progress: Progress,
) -> Chosen:
    """Rows, background and what is to be said of them."""
    table = _table(evaluation, subject.names)
    source = _background(client, subject, table, evaluation, config, declared, progress)
    given = Given(rows=table, background=source, target=subject.target, types=subject.types, optional=subject.optional)
    # Both tables are given, so none is looked for among the model's files.
    chosen = choose_rows(client, subject.model, Path(), subject.names, config, given, None, progress)
    remarks = _remarks(subject, evaluation, table, chosen)
    if evaluation.outcomes is None:
        return dataclasses.replace(chosen, outcomes=None, outcome_kind="unknown", remarks=remarks)
    everyone = pd.Series(evaluation.outcomes, index=table.frame.index, name=subject.target)
    return dataclasses.replace(
        chosen,
        outcomes=everyone.loc[chosen.rows.index],
        outcome_kind=kind_of_outcomes(everyone),
        remarks=remarks,
    )


def _remarks(subject: _Subject, evaluation: Evaluation, table: Table, chosen: Chosen) -> tuple[str, ...]:
    """What a reader should know about rows, background and model, a sentence each."""
    explained = f"{count(len(chosen.rows), 'row')} of {table.source}"
    if len(chosen.rows) < len(table.frame):
        explained = drawn_from(chosen.rows, table)
    remarks = [f"Explained here: {explained}.", *chosen.remarks[1:]]
    if subject.record is not None:
        remarks += rows_remarks(chosen.rows, subject.record.schema, table.source)[1:]
        remarks += unseen_remarks(chosen.rows, subject.record)
    if not evaluation.names_given and subject.names:
        remarks.append("The columns of the evaluation data have no names; they were taken in the model's order.")
    if len(subject.model.registered_as) > 1:
        remarks.append(f"The evaluated model is registered as {' and '.join(subject.model.registered_as)}.")
    return tuple(remarks)


def _table(evaluation: Evaluation, names: Sequence[str]) -> Table:
    """The evaluation data; columns that have only numbers get the model's names, if they are as many."""
    rows = evaluation.rows
    if not evaluation.names_given and len(names) == rows.shape[1] and set(names) != set(rows.columns):
        rows = rows.set_axis(list(names), axis="columns")
    return given_table(rows, "evaluation data", "the evaluation data")


def _background(
    client: MlflowClient,
    subject: _Subject,
    table: Table,
    evaluation: Evaluation,
    config: ExplainConfig,
    declared: Declared,
    progress: Progress,
) -> Table:
    """Background data, by the order at the top."""
    if evaluation.background is not None:
        return given_table(evaluation.background, "background data", types=subject.types)
    model = subject.model
    if declared.background is not None:
        return declared_table(client, model, declared.background, declared.background_from, subject.types, None)
    search = _SearchBesideLoaded(client, subject, evaluation.pyfunc.input_example, progress)
    any_will_do = not needs_background(config.methods)
    try:
        return search.background(table, table_given=False, any_will_do=any_will_do)
    except NoDataError as error:
        msg = f'in an evaluation give evaluator_config={{"interp": {{"background": FILE}}}}: {error}'
        raise NoDataError(msg) from error


class _SearchBesideLoaded(Search):
    """Looks for what was logged with a model of which MLflow has loaded the input example, too."""

    def __init__(self, client: MlflowClient, subject: _Subject, example: Any, progress: Progress) -> None:
        """Prepare to look; ``example`` is the model's input example, None where it has none."""
        super().__init__(client, subject.model, Path(), subject.names, subject.types, None, progress)
        self._loaded_example = example

    @cached_property
    def _example(self) -> pd.DataFrame | None:
        example = self._loaded_example
        if not isinstance(example, pd.DataFrame):
            return None
        return example.reset_index(drop=True).rename(columns=name_of)


def _fetched(
    subject: _Subject,
    place: Place,
    chosen: Chosen,
    config: ExplainConfig,
    dictionary: DataDictionary | None,
    workspace: str,
) -> Fetched:
    """What the other steps take, the run being that of the evaluation."""
    model = subject.model
    version = dataclasses.replace(
        model,
        run_id=place.run_id,
        experiment_id=place.experiment_id,
        model_name=place.prefix + model.model_name,
    )
    by_hand = (f"sha256:{source_digest(each)}" for each in (chosen.rows, chosen.background))
    question = manifest.question_digest(model.source, config, *by_hand)
    return Fetched(
        version=version,
        record=subject.record,
        model_path=Path(),  # the model is loaded
        rows=chosen.rows,
        rows_source=chosen.rows_source,
        rows_are_logged=False,
        background=chosen.background,
        background_source=chosen.background_source,
        target=subject.target,
        outcomes=chosen.outcomes,
        outcome_kind=chosen.outcome_kind,
        key=manifest.explanation_key(model.identity, question, workspace),
        question=question,
        workspace=workspace,
        remarks=chosen.remarks,
        dictionary=dictionary,
    )


def _compute(
    evaluation: Evaluation, file: ModelFile, fetched: Fetched, config: ExplainConfig, progress: Progress
) -> Computed:
    loaded = adapt_served(evaluation.pyfunc, file, fetched.version.uri, tables_of(fetched), config)
    require_readable(loaded, fetched)
    return compute(fetched, config, progress, loaded)


def _write(
    client: MlflowClient,
    place: Place,
    fetched: Fetched,
    computed: Computed,
    config: ExplainConfig,
    progress: Progress,
) -> ExplainedEvaluation:
    """Draw, write the folder, then what leads to it."""
    publication = prepare(fetched, computed, config, progress)
    told = dict(publication.manifest["announcement"])
    told["metrics"] = {place.prefix + name: value for name, value in told["metrics"].items()}
    told["images"] = {place.prefix + key: path for key, path in told["images"].items()}
    if place.prefix:  # the run's description leads to what lies there without one
        told["description"] = ""
    record = {**publication.manifest, "announcement": told}
    content = manifest.to_json(record)
    root = layout.explanation_root(fetched.version.model_name)
    with progress.track(f"Publishing {len(publication.files) + 1} files", 2) as advance:
        replace_folder(client, place.run_id, root, publication.files, content)
        advance(1)
        announcement = announcement_of(record, publication.files, fetched.key)
        announce_evaluation(client, place.run_id, root, fetched.version.uri, announcement)
        advance(1)
    return ExplainedEvaluation(
        root=root,
        files={**publication.files, layout.MANIFEST: content},
        metrics=told["metrics"],
        images=told["images"],
    )
