from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import NullPool

from mlflow_plugin.jobs.dialects import AnyText, now_ms

DIALECT = sqlite.dialect()
any_text = st.text(st.characters(exclude_categories=[])) | st.text("\\u0\x00\ud800e")  # escapes among themselves


@given(any_text)
def test_any_text_is_made_holdable_and_comes_back(text: str) -> None:
    stored = AnyText().process_bind_param(text, DIALECT)
    assert stored is not None
    assert "\x00" not in stored
    stored.encode()  # fails on a lone surrogate
    assert AnyText().process_result_value(stored, DIALECT) == text


@given(any_text, any_text)
def test_different_texts_stay_different(one: str, other: str) -> None:
    stored = {AnyText().process_bind_param(text, DIALECT) for text in (one, other)}
    assert len(stored) == len({one, other})


def test_no_text_stays_none() -> None:
    assert AnyText().process_bind_param(None, DIALECT) is None
    assert AnyText().process_result_value(None, DIALECT) is None


def test_the_time_of_sqlite_is_that_of_its_machine_to_the_millisecond() -> None:
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        before = time.time_ns() // 1_000_000
        said = connection.scalar(select(now_ms()))
        after = time.time_ns() // 1_000_000
    assert said is not None
    assert before - 1 <= said <= after + 1


def test_there_is_one_time_in_a_statement() -> None:
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        rows = connection.exec_driver_sql(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "  # noqa: S608 - ours
            f"SELECT count(DISTINCT {now_ms().compile(dialect=DIALECT)}) FROM n"
        )
        assert rows.scalar() == 1


@pytest.mark.parametrize("dialect", ["mysql"])
def test_there_is_no_time_of_other_databases(dialect: str) -> None:
    from sqlalchemy.dialects import registry
    from sqlalchemy.exc import CompileError

    with pytest.raises(CompileError):
        str(now_ms().compile(dialect=registry.load(dialect)()))
