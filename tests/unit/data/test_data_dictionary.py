"""A data dictionary: what is read, what is refused, and what an explanation is called by it."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.data.data_dictionary import DataDictionary, read_dictionary
from interp_pipeline.errors import DataError, UsageError
from interp_pipeline.explanation import Cost, Explanation

if TYPE_CHECKING:
    from pathlib import Path

CREDIT = """
[months]
label = "Duration of the loan"
unit = "months"

[status]
values = { A11 = "overdrawn", A14 = "none" }

["loan.type"]
label = "Type of loan"
values = { 1 = "car" }
"""


def _explanation(data: pd.DataFrame) -> Explanation:
    shape = (*data.shape, 1)
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    return Explanation(
        values=values,
        base_values=np.zeros((len(data), 1)),
        predictions=values.sum(axis=1),
        data=data,
        output_names=("price",),
        output_unit="price",
        positive_class=None,
        method="shap_exact",
        seed=0,
        cost=Cost(seconds=0.0, model_evaluations=0),
    )


def _read(tmp_path: Path, text: str) -> DataDictionary:
    (tmp_path / "names.toml").write_text(text, encoding="utf-8")
    return read_dictionary(str(tmp_path / "names.toml"))


def test_columns_and_values_get_the_names_people_know(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"months": [6, 12, 9], "status": ["A11", "A99", None], "loan.type": [1, 2, 1], "age": [30, 40, 50]},
        index=[7, 3, 5],
    )
    explanation = _explanation(rows)
    told = _read(tmp_path, CREDIT).relabel(explanation)
    assert told.feature_names == ("Duration of the loan (months)", "status", "Type of loan", "age")
    assert told.row_ids == (7, 3, 5)
    assert list(told.data["status"]) == ["overdrawn", "A99", None]
    assert list(told.data["Type of loan"]) == ["car", "2", "car"]
    assert told.data["Duration of the loan (months)"].tolist() == [6, 12, 9]
    assert told.values is explanation.values
    marked = dataclasses.replace(explanation, unseen={"status": {"A99": "not seen in training", "A11": "rare"}})
    shown = list(_read(tmp_path, CREDIT).relabel(marked).shown_data["status"])
    assert shown == ["overdrawn (rare)", "A99 (not seen in training)", None]
    assert explanation.feature_names == ("months", "status", "loan.type", "age")


def test_columns_without_an_entry_and_entries_without_a_column_do_no_harm(tmp_path: Path) -> None:
    told = _read(tmp_path, '[other]\nlabel = "Other"\n').relabel(_explanation(pd.DataFrame({"age": [1.0]})))
    assert told.feature_names == ("age",)


def test_two_features_of_one_name_are_refused(tmp_path: Path) -> None:
    names = _read(tmp_path, '[a]\nlabel = "b"\n')
    with pytest.raises(UsageError, match=r"names\.toml calls 'a' and 'b' 'b': give them labels that differ"):
        names.relabel(_explanation(pd.DataFrame({"a": [1.0], "b": [2.0]})))


def test_two_values_of_one_name_are_refused(tmp_path: Path) -> None:
    names = _read(tmp_path, '[status]\nvalues = { A11 = "A12" }\n')
    rows = pd.DataFrame({"status": ["A13", "A12", None], "age": [1.0, 2.0, 3.0]})
    says = r"names\.toml calls values 'A11' and 'A12' of column 'status' 'A12': give them names that differ"
    with pytest.raises(DataError, match=says):
        names.relabel(_explanation(rows))
    with pytest.raises(DataError, match=says):
        names.require_distinct(rows[:1], rows)
    names.require_distinct(rows[:1])
    numbers = _read(tmp_path, '[grade]\nvalues = { 1 = "2" }\n')
    with pytest.raises(DataError, match=r"calls values '1' and '2' of column 'grade' '2'"):
        numbers.require_distinct(pd.DataFrame({"grade": [1.0, 2.0]}))


def test_values_may_change_names(tmp_path: Path) -> None:
    names = _read(tmp_path, '[status]\nvalues = { A11 = "A12", A12 = "A11" }\n')
    told = names.relabel(_explanation(pd.DataFrame({"status": ["A11", "A12"]})))
    assert list(told.data["status"]) == ["A12", "A11"]


def test_what_is_described_and_not_there_is_said(tmp_path: Path) -> None:
    names = _read(tmp_path, '[statsu]\nlabel = "Status"\n')
    says = f"{tmp_path / 'names.toml'} describes 'statsu' (did you mean 'status'?), which is no column of models:/a/1."
    assert names.unknown_remark(["age", "status"], "models:/a/1") == f"The data dictionary {says}"
    assert names.unknown_remark(["statsu"], "models:/a/1") == ""
    many = _read(tmp_path, "".join(f"[x{number}]\n" for number in range(8)))
    assert "'x0', 'x1', 'x2', 'x3', 'x4' and 3 more, which are no columns of" in many.unknown_remark(
        ["y"], "models:/a/1"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "names.toml").write_text(CREDIT, encoding=encoding)
    assert read_dictionary(str(tmp_path / "names.toml")).name("months") == "Duration of the loan (months)"


def test_an_encoding_of_several_bytes_is_named(tmp_path: Path) -> None:
    (tmp_path / "names.toml").write_text(CREDIT, encoding="utf-16")
    with pytest.raises(DataError, match="it is written in UTF-16; save it with the encoding UTF-8, for example with"):
        read_dictionary(str(tmp_path / "names.toml"))


def test_what_would_never_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "link.toml").symlink_to(tmp_path / "link.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "device.toml").symlink_to("/dev/zero")
    for name, says in {
        "link": "is a link that leads back to itself",
        "pipe": "is a pipe, which is not read; save what it gives to a file",
        "device": "is a device, which is not read",
    }.items():
        with pytest.raises(UsageError, match=says):
            read_dictionary(str(tmp_path / f"{name}.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[months\n", r"is not written in TOML: .*\(at line 1, column 8\)"),
        ("months = 3", r"column 'months': write a table, \[months\] with label, unit or values, not 3"),
        ("[months]\nlabels = 'x'", r"column 'months': unknown entry 'labels'; known are label, unit and values$"),
        ("[loan.type]\nlabel = 'x'", r"column 'loan': unknown entry 'type'; .* \(a column whose name has a dot stands"),
        ("[months]\nunit = 3", r"column 'months': unit must be a text, not 3"),
        ("[months]\nvalues = ['a']", r"column 'months': values must be a table of texts"),
        ("[months]\nvalues = { a = 1 }", r"column 'months': values must be a table of texts"),
        (f"[{'a.' * 3000}b]", r"a line is longer than 4,096 characters"),
        (f"[{'a.' * 300}b]", r"a line has more than 200 dots"),
        (f"x = {'[' * 4000}", r"nested too deeply"),
        (f"[{'a.' * 100}b]", r"nested too deeply"),
        (f"a = 0x{'f' * 4000}", r"is not written in TOML: it holds a whole number of more than 64 bits"),
        (f"a = {'9' * 4096}"[:4096], r"is not written in TOML: "),
        (
            "[a]\nvalues = { x = 'same', y = ' same' }",
            r"calls values 'x' and 'y' of column 'a' ' same': ",
        ),
        (
            "[a]\nvalues = { x = 'y', y = 'y' }",
            r"calls values 'x' and 'y' of column 'a' 'y': ",
        ),
        ("# " + "x\n# " * 100_000, r"larger than 256 KiB"),
    ],
)
def test_what_is_no_data_dictionary_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        _read(tmp_path, text)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist: the working folder is"):
        read_dictionary(str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match="is a folder; name the TOML file in it"):
        read_dictionary(str(tmp_path))
    with pytest.raises(UsageError, match="ftp:// is not supported"):
        read_dictionary("ftp://host/names.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="is not written in TOML"):
        read_dictionary(str(tmp_path / "bytes.toml"))
