"""The first stage of explaining: with credentials, bring everything the computation needs to this machine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp_pipeline.data.background import select_background
from interp_pipeline.data.declared import DeclaredTypes
from interp_pipeline.data.sources import source_digest
from interp_pipeline.data.typed_rows import TypedRows
from interp_pipeline.errors import DataError, UsageError
from interp_pipeline.models.output_names import as_spelled
from interp_pipeline.readable import count
from interp_pipeline.stages.chosen_dictionary import dictionary_declaration, find_dictionary
from interp_pipeline.stages.rows.choose_rows import (
    Chosen,
    Given,
    background_remark,
    choose_rows,
    declared_table,
    drawn_from,
    given_table,
    rows_in_words,
    rows_to_explain,
)
from interp_pipeline.stages.rows.logged_tables import Table
from interp_pipeline.stages.rows.row_remarks import rows_remarks
from interp_pipeline.stages.rows.target_remark import target_remark
from interp_pipeline.stages.rows.unseen_categories import unseen_remarks
from interp_pipeline.tracking.models.feature_names import require_columns
from interp_pipeline.tracking.models.fetch import fetch_model
from interp_pipeline.tracking.models.model_file import read_model_file
from interp_pipeline.tracking.runs.manifest import explanation_key, question_digest
from interp_pipeline.tracking.runs.training_run import read_training_record
from interp_pipeline.tracking.sources.declared_data import read_declared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.data.data_dictionary import DataDictionary
    from interp_pipeline.data.outcomes import OutcomeKind
    from interp_pipeline.data.schema import Schema
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.models.model_file import ModelFile
    from interp_pipeline.tracking.runs.training_run import TrainingRecord
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.server.session import Session
    from interp_pipeline.tracking.sources.declared_data import DataDefault, Declared
    from interp_pipeline.tracking.sources.policy import SourcePolicy

__all__ = ["LOGGED_ROWS", "Fetched", "fetch", "refuse_other_names", "require_shown", "types_in_training"]

LOGGED_ROWS = "the test split logged at training"  # source of the rows of a version that was trained here


@dataclass(frozen=True, kw_only=True, eq=False)
class Fetched:
    """What the computation needs; nothing in it is a credential."""

    version: RegisteredVersion
    record: TrainingRecord | None  # None: the model was not trained here
    model_path: Path  # folder with the MLmodel file
    rows: pd.DataFrame  # the rows to explain, index: row ids; columns: the raw features, and maybe others
    rows_source: str  # where they came from, in words
    rows_are_logged: bool  # they are the test rows of training
    background: pd.DataFrame  # same columns
    background_source: str  # where it came from, in words
    target: str | None  # name of the target column, where known
    outcomes: pd.Series[Any] | None  # true values of the target by row id, where known
    key: str  # identity of the explanation to be made
    question: str  # what is asked, under whatever name the model is registered
    outcome_kind: OutcomeKind = "unknown"  # what these are, as far as their values say it
    workspace: str = ""  # MLflow's, where the server has several
    remarks: tuple[str, ...] = ()  # what a reader should know about the rows, a sentence each
    dictionary: DataDictionary | None = None  # what people call columns and values


def fetch(  # noqa: PLR0913 - most are keywords with a default; no two callers give the same ones
    session: Session,
    version: RegisteredVersion,
    config: ExplainConfig,
    folder: Path,
    *,
    data: str | pd.DataFrame | None,
    rows_source: str | None = None,
    row_ids: Sequence[int] = (),
    background: str | pd.DataFrame | None = None,
    dictionary: str | None = None,
    defaults: Sequence[DataDefault] = (),
    policy: SourcePolicy | None = None,
    progress: Progress,
) -> Fetched:
    """Download a version's files, background data and rows to explain.

    Args:
        session: the connection.
        version: the version, as it was resolved: whatever is registered under its name meanwhile is another one.
        config: how many rows, and the seed they are drawn with where there are more.
        folder: where to put files; must outlive the result.
        data: rows to explain: path, URI or frame; None takes what was declared for the version or logged with it.
        rows_source: where ``data`` comes from, in words; None: its path, or "the given frame".
        row_ids: numbers of the rows to explain, of ``data`` or of what None takes; empty draws them.
        background: background data: path, URI or frame; None takes what was declared or logged, likewise.
            Versions that are compared must be explained against the same.
        dictionary: data dictionary: path or URI; None takes what was declared.
        defaults: tables that the configuration declares for models, by name.
        policy: what may be read for whoever registered the version; None: whatever the credentials at hand open.
        progress: listens.

    Raises:
        UsageError: ``data`` or a declared table cannot be used or lacks a column.
        ModelError: the version's run or model files are gone.
        NoDataError: it has no rows or background data.
        SourceRefusedError: the policy forbids to read its files, or a declared table.
        TrackingError: the server or a storage does not answer.
    """
    client = session.client
    model_path, file, record = _download(client, version, folder, policy, progress)
    declared = read_declared(client, version, defaults)
    named = find_dictionary(client, version, dictionary, declared, policy)
    types = file.types if record is None else types_in_training(record.schema)
    rows, others = _given(client, version, data, rows_source, background, declared, types, policy)
    target = _target(record, file, config)
    given = Given(rows=rows, background=others, target=target, types=types, row_ids=tuple(row_ids))
    if record is None:
        given = dataclasses.replace(given, optional=file.optional)
        chosen = choose_rows(client, version, model_path, file.names, config, given, policy, progress)
        by_hand = chosen.rows_source if data is not None and rows_source is None else ""
        remark = target_remark(config.target, file.outputs, chosen.columns, by_hand, version.uri)
        chosen = dataclasses.replace(chosen, remarks=(*chosen.remarks, *filter(None, [remark])))
    else:
        chosen = _of_training(record, config, given, version.uri)
    if len(chosen.rows) < config.rows and not row_ids:
        progress.say(f"{chosen.rows_source} holds {count(len(chosen.rows), 'row')}; all of them are explained")
    if named is not None:
        chosen = require_shown(named, chosen, record, target, version.uri)
    rows_by_hand = data is not None or bool(row_ids)
    question = question_digest(
        version.source,
        config,
        *_declarations(chosen, declared, rows_by_hand=rows_by_hand, background=background),
        dictionary_declaration(named, declared, by_hand=dictionary is not None),
    )
    return Fetched(
        version=version,
        record=record,
        model_path=model_path,
        rows=chosen.rows,
        rows_source=chosen.rows_source,
        rows_are_logged=record is not None and given.rows is None,
        background=chosen.background,
        background_source=chosen.background_source,
        target=given.target,
        outcomes=chosen.outcomes,
        outcome_kind=chosen.outcome_kind,
        remarks=chosen.remarks,
        key=explanation_key(version.identity, question, session.workspace),
        workspace=session.workspace,
        question=question,
        dictionary=named,
    )


def _download(
    client: MlflowClient, version: RegisteredVersion, folder: Path, policy: SourcePolicy | None, progress: Progress
) -> tuple[Path, ModelFile, TrainingRecord | None]:
    """The version's files, what these say of themselves, and what training left if it was ours."""
    with progress.track(f"Fetching {version.uri}", 3) as advance:
        if policy is not None:
            policy.check_run(client, version)
        advance(1)
        model_path = fetch_model(client, version, folder, policy)
        advance(1)
        file = read_model_file(model_path, version.uri)
        record = None if file.own is None else read_training_record(client, version, policy)
        advance(1)
    return model_path, file, record


def _given(
    client: MlflowClient,
    version: RegisteredVersion,
    data: str | pd.DataFrame | None,
    rows_source: str | None,
    background: str | pd.DataFrame | None,
    declared: Declared,
    types: DeclaredTypes,
    policy: SourcePolicy | None,
) -> tuple[Table | None, Table | None]:
    """The caller's tables or, where there are none, those somebody declared."""
    rows_table = background_table = None
    if data is not None:
        rows_table = given_table(data, "rows to explain", rows_source, types)
    elif declared.rows is not None:
        rows_table = declared_table(client, version, declared.rows, declared.rows_from, types, policy)
    if background is not None:
        background_table = given_table(background, "background data", types=types)
    elif declared.background is not None and declared.background == declared.rows and data is None:
        background_table = rows_table  # one table, whose rows are kept apart
    elif declared.background is not None:
        background_table = declared_table(client, version, declared.background, declared.background_from, types, policy)
    return rows_table, background_table


def _declarations(
    chosen: Chosen,
    declared: Declared,
    *,
    rows_by_hand: bool,
    background: str | pd.DataFrame | None,
) -> tuple[str, str]:
    """What tells rows and background from others, in the words of ``question_digest``.

    Where nothing is given by hand they are known from tags and configuration alone, as a scan of the registry
    has to know them.
    """
    background_by_hand = f"sha256:{source_digest(chosen.background)}"
    drawn = rows_by_hand and declared.background is None  # maybe from the table given for the rows
    return (
        f"sha256:{source_digest(chosen.rows)}" if rows_by_hand else declared.rows or "",
        background_by_hand if background is not None or drawn else declared.background or "",
    )


def require_shown(
    names: DataDictionary, chosen: Chosen, record: TrainingRecord | None, target: str | None, uri: str
) -> Chosen:
    """Refuse a data dictionary whose labels cannot be told apart, before minutes are spent on what could not be shown.

    Args:
        names: the data dictionary.
        chosen: rows and background.
        record: what training left, of a version that was trained here.
        target: name of the target column, where known.
        uri: the version.

    Returns:
        Rows and background, with a remark on columns that are described and not there.

    Raises:
        UsageError: two columns, or two values of one, would be called the same.
    """
    features = list(chosen.background.columns)
    names.require_distinct(chosen.background, chosen.rows[[name for name in features if name in chosen.rows]])
    known = {*features, *map(str, chosen.rows.columns), *chosen.columns, *filter(None, [target])}
    if record is not None:
        known |= {*map(str, record.rows.columns), *record.schema.feature_names}
    remark = names.unknown_remark(sorted(known), uri)
    return dataclasses.replace(chosen, remarks=(*chosen.remarks, *filter(None, [remark])))


def _target(record: TrainingRecord | None, file: ModelFile, config: ExplainConfig) -> str | None:
    """Name of the target: from training, from the caller, or that of the signature's only output."""
    if record is not None:
        return record.schema.target
    named = [name for name in file.outputs if not name.isdecimal()]
    return config.target or (named[0] if len(file.outputs) == len(named) == 1 else None)


def _of_training(record: TrainingRecord, config: ExplainConfig, given: Given, uri: str) -> Chosen:
    """Rows and background of a version that was trained here."""
    refuse_other_names(record.schema, config, uri)
    logged = Table(frame=record.rows, source=LOGGED_ROWS)
    table = given.rows or logged
    source = given.background or Table(frame=record.background, source="the training rows logged as background")
    names = list(record.schema.feature_names)
    for each in (table, source):
        require_columns(each.frame, names, each.source, uri)
        if each in (given.rows, given.background):
            _require_readable(each.frame, record.schema, each.source)
    rows = rows_to_explain(table, config, given.row_ids)
    target = record.schema.target
    background = select_background(source.frame, config.background_rows, config.seed)[names]
    where = drawn_from(background, source)
    remarks = () if table is logged else rows_remarks(rows[names], record.schema, table.source)
    remarks = (*remarks, *unseen_remarks(rows[names], record))
    if given.background is not None or len(background) < len(source.frame):
        remarks = (*remarks, background_remark(background, source, where, config))
    return Chosen(
        rows=rows[names],
        rows_source=rows_in_words(table, given.row_ids),
        background=background,
        background_source=where,
        outcomes=rows[target] if table is logged and target in rows.columns else None,
        remarks=remarks,
    )


def types_in_training(schema: Schema) -> DeclaredTypes:
    """What a model trained here says of its columns: a category is a name, though all of a file's may be digits."""
    return DeclaredTypes(by_name={each.name: "name" for each in schema.features if each.kind == "category"})


def refuse_other_names(schema: Schema, config: ExplainConfig, uri: str) -> None:
    """Refuse a task, or names for target and classes, that contradict what the model was trained with.

    Raises:
        UsageError: one does.
    """
    known: dict[str, tuple[object, object]] = {
        "target": (config.target, schema.target),
        "positive_class": (
            config.positive_class and as_spelled(config.positive_class, schema.classes),
            schema.positive_class,
        ),
        "class_names": (
            tuple(as_spelled(name, schema.classes) for name in config.class_names),
            tuple(schema.classes),
        ),
        "task": (
            None if config.task == "auto" else config.task,
            "regression" if schema.task == "regression" else "classification",
        ),
    }
    for option, (asked, trained) in known.items():
        if asked and asked != trained:
            msg = f"{uri} was trained with {option} {trained!r}, not {asked!r}; leave the option out"
            raise UsageError(msg)


def _require_readable(rows: pd.DataFrame, schema: Schema, source: str) -> None:
    """Refuse a value that does not fit its column, in any row.

    A single text turns all numbers of its column into texts, so the rows that are drawn need not hold it.
    """
    try:
        TypedRows(schema.to_dict()["features"]).to_matrix(rows)
    except ValueError as error:
        msg = f"{source}: {error}; correct it, or give other rows"
        raise DataError(msg) from error
