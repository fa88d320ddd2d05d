"""Data sets a run names: anybody may write these fields, so nothing in them is trusted to have a form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from interp_pipeline.tracking.sources.logged_data import LoggedDataset, read_logged_datasets


def _read(**fields: Any) -> LoggedDataset:
    plain = {"name": "loans", "source_type": "local", "source": '{"uri": "/data/loans.csv"}', "schema": None}
    tags = [SimpleNamespace(key="mlflow.data.context", value="training")]
    entity = SimpleNamespace(dataset=SimpleNamespace(**(plain | fields)), tags=tags)
    run = SimpleNamespace(inputs=SimpleNamespace(dataset_inputs=[entity]))
    (found,) = read_logged_datasets(cast("Any", SimpleNamespace(get_run=lambda _: run)), "run")
    return found


@pytest.mark.parametrize(
    ("kind", "source", "address"),
    [
        ("local", '{"uri": "/data/loans.csv"}', "/data/loans.csv"),
        ("s3", '{"uri": "s3://b/loans.csv"}', "s3://b/loans.csv"),
        ("http", '{"url": "https://x.example/loans.csv?sig=1"}', "https://x.example/loans.csv?sig=1"),
        ("code", '{"tags": {}}', None),
        ("delta_table", '{"path": "/data"}', None),
        ("local", "not json", None),
        ("local", "[1]", None),
        ("local", '{"uri": 3}', None),
        ("local", '{"uri": ""}', None),
        ("http", '{"url": "http://[broken"}', None),
        ("local", None, None),
    ],
)
def test_an_address_is_taken_from_sources_that_can_be_read(kind: str, source: Any, address: str | None) -> None:
    assert _read(source_type=kind, source=source).address == address


def test_a_signature_in_an_address_is_not_said() -> None:
    found = _read(source_type="http", source='{"url": "https://user:secret@x.example/loans.csv?sig=1"}')
    assert found.label == "the data set 'loans' (https://x.example/loans.csv) logged with the run"


@pytest.mark.parametrize(
    ("schema", "columns"),
    [
        ('{"mlflow_colspec": [{"name": "a"}, {"name": "b"}]}', ("a", "b")),
        ('{"mlflow_colspec": "a"}', ()),
        ('{"mlflow_colspec": [1, {"type": "long"}]}', ()),
        ('{"mlflow_tensorspec": []}', ()),
        (None, ()),
    ],
)
def test_columns_are_those_that_were_logged(schema: Any, columns: tuple[str, ...]) -> None:
    assert _read(schema=schema).columns == columns


def test_a_version_without_a_run_has_none() -> None:
    assert read_logged_datasets(cast("Any", None), "") == ()
