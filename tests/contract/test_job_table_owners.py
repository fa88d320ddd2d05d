"""One table, one configuration: who gets it, who gives it up, and that two never take turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.job_databases import claimed, new_job

from mlflow_plugin.jobs import Belonging

if TYPE_CHECKING:
    from harness.job_databases import JobDatabase

    from mlflow_plugin.jobs import JobTable

OLD, NEW = '{"explain": {"rows": 100}}', '{"explain": {"rows": 200}, "x": "' + "long" * 2000 + '"}'
OURS = Belonging(ours=True, other=None)
SILENT_S = 180.0


def test_the_first_configuration_gets_the_table_and_keeps_it(table: JobTable) -> None:
    assert [table.join(OLD, SILENT_S) for _ in range(3)] == [OURS] * 3


def test_a_changed_configuration_takes_over_and_the_earlier_one_does_not_take_it_back(table: JobTable) -> None:
    table.join(OLD, SILENT_S)
    assert table.join(NEW, SILENT_S) == Belonging(ours=True, other=OLD)
    for _ in range(3):
        assert table.join(OLD, SILENT_S) == Belonging(ours=False, other=NEW)
        assert table.join(NEW, SILENT_S) == OURS


def test_an_earlier_one_gets_it_back_when_nothing_is_heard_of_the_present_one(
    table: JobTable, database: JobDatabase
) -> None:
    for content in (OLD, NEW):
        table.join(content, SILENT_S)
    database.let_pass(SILENT_S - 10)
    assert not table.join(OLD, SILENT_S).ours
    database.let_pass(20)
    assert table.join(OLD, SILENT_S) == Belonging(ours=True, other=NEW)
    assert table.join(NEW, SILENT_S) == Belonging(ours=False, other=OLD)


def test_who_is_at_work_is_not_taken_for_gone(table: JobTable, database: JobDatabase) -> None:
    for content in (OLD, NEW):
        table.join(content, SILENT_S)
    table.add([new_job("k")])
    job = claimed(table, lease_s=60)
    database.let_pass(SILENT_S + 10)
    assert table.heartbeat(job, 60)
    assert not table.join(OLD, SILENT_S).ours
    assert table.release(job)
    assert table.join(OLD, SILENT_S).ours


def test_who_says_goodbye_need_not_be_waited_for(table: JobTable) -> None:
    for content in (OLD, NEW):
        table.join(content, SILENT_S)
    table.leave(NEW)
    table.leave("never seen")
    assert table.join(OLD, SILENT_S) == Belonging(ours=True, other=NEW)


def test_by_hand_a_table_is_taken_from_nobody_who_is_there(table: JobTable) -> None:
    assert table.join(OLD, SILENT_S, takes_over=False) == OURS
    assert table.join(NEW, SILENT_S, takes_over=False) == Belonging(ours=False, other=OLD)
    table.leave(OLD)
    assert table.join(NEW, SILENT_S, takes_over=False) == Belonging(ours=True, other=OLD)
