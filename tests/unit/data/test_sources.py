import os
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.data.sources import BUNDLED, bundled_path, read_table, source_digest
from interp_pipeline.errors import DataError, UsageError


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_data_lie_beside_their_attribution(name: Any) -> None:
    path = bundled_path(name)
    assert path.is_file()
    readme = (path.parent / "README.md").read_text()
    assert path.name in readme
    assert "CC BY 4.0" in readme
    assert "10.24432/C5NC77" in readme


def test_german_credit() -> None:
    frame = read_table("german_credit")
    assert frame.shape == (1000, 21)
    assert frame["target"].value_counts().to_dict() == {"good": 700, "bad": 300}
    assert not frame.isna().to_numpy().any()
    pd.testing.assert_frame_equal(read_table(str(bundled_path())), frame)


def test_an_unknown_bundled_name() -> None:
    with pytest.raises(UsageError, match="no data set 'titanic' ships with this package; there is german_credit"):
        bundled_path("titanic")


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".parquet", ".pq"])
@pytest.mark.parametrize("address", ["{path}", "file://{path}"])
def test_a_file(tmp_path: Path, suffix: Any, address: Any) -> None:
    path = tmp_path / f"table{suffix}"
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_csv(path, index=False) if suffix.lower() == ".csv" else frame.to_parquet(path)
    pd.testing.assert_frame_equal(read_table(address.format(path=path)), frame)


def test_a_path_below_the_working_folder_and_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(read_table("t.csv")) == len(read_table("~/t.csv")) == len(read_table(" ./t.csv ")) == 1


def test_a_folder_is_read_in_the_order_of_names_and_numbered_through(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("y,x\nc,3\n")
    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "c.csv").write_text("x,y\n")
    for ignored in ("_SUCCESS", ".hidden.csv", "_metadata.parquet", "notes.txt"):
        (tmp_path / ignored).write_text("no table")
    (tmp_path / "folder.csv").mkdir()
    frame = read_table(str(tmp_path))
    assert frame["x"].tolist() == [1, 2, 3]
    assert frame["y"].tolist() == ["a", "b", "c"]
    assert frame.index.tolist() == [0, 1, 2]


def test_a_folder_may_be_called_like_a_file(tmp_path: Path) -> None:
    (tmp_path / "spark.csv").mkdir()
    (tmp_path / "spark.csv" / "part-0.csv").write_text("x\n1\n")
    assert len(read_table(str(tmp_path / "spark.csv"))) == 1


def test_files_of_a_folder_may_hold_gaps_or_other_types(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("gap,mixed,flag\n,1,True\n,2,False\n")
    (tmp_path / "b.csv").write_text("gap,mixed,flag\nx,y,\n")
    frame = read_table(str(tmp_path))
    assert frame["gap"].isna().tolist() == [True, True, False]
    assert frame["mixed"].tolist() == [1, 2, "y"]
    assert frame["flag"].tolist()[:2] == [True, False]


def write(tmp_path: Path, **files: str) -> None:
    for name, content in files.items():
        (tmp_path / f"{name}.csv").write_text(content)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": "x,y\n1,2\n", "b": "x,z\n1,2\n"}, r"b\.csv lacks 'y' and has 'z' besides, unlike .*a\.csv: all files"),
        ({"a": "x\n1\n", "b": "x,z\n1,2\n"}, r"b\.csv has 'z' besides, unlike"),
        ({"a": "x,y\n", "b": "x,y\n"}, "has a header but no rows"),
        ({"a": "x\n1\n", "b": ""}, r"b\.csv is empty"),
        ({}, r"holds no files that end in \.csv or \.parquet or \.pq"),
    ],
)
def test_folders_that_cannot_be_read(tmp_path: Path, files: Any, message: Any) -> None:
    write(tmp_path, **files)
    with pytest.raises(UsageError, match=message):
        read_table(str(tmp_path))


def test_missing_files_are_answered_with_what_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("x\n1\n")
    with pytest.raises(UsageError, match=r"costumers\.csv does not exist: did you mean 'customers\.csv'\?$"):
        read_table(str(tmp_path / "costumers.csv"))
    with pytest.raises(UsageError, match=r"nowhere/x\.csv does not exist: the working folder is /"):
        read_table("nowhere/x.csv")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "no data was named"),
        ("gs://bucket/x.csv", "gs:// is not supported; use a local path, s3://, http:// or https://"),
        ("ftp://user:secret@host/x.csv", "^ftp://host/x.csv cannot be read: ftp:// is not supported"),
    ],
)
def test_sources_that_are_none(source: Any, message: Any) -> None:
    with pytest.raises(UsageError, match=message):
        read_table(source)


def test_an_unknown_suffix(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w"):
        pass
    with pytest.raises(UsageError, match=r"x\.xlsx is neither CSV nor Parquet by its name: it must end in \.csv or"):
        read_table(str(tmp_path / "x.xlsx"))


def test_a_header_only(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n")
    with pytest.raises(DataError, match=r"x\.csv has a header but no rows$"):
        read_table(str(tmp_path / "x.csv"))


@pytest.fixture
def closed_paths(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A file and a folder that may not be read, and a process that is not root, whom no right binds."""
    folder, file = tmp_path / "folder", tmp_path / "x.csv"
    folder.mkdir()
    file.write_text("a\n1\n")
    file.chmod(0)
    folder.chmod(0)
    open_folders = [(path, path.stat().st_mode) for path in (tmp_path, *tmp_path.parents[:2])]
    for path, mode in open_folders:
        path.chmod(mode | 0o055)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield file, folder
    os.seteuid(user)
    folder.chmod(0o755)
    for path, mode in open_folders:
        path.chmod(mode)


def test_no_permission(closed_paths: tuple[Path, Path]) -> None:
    for path in closed_paths:
        with pytest.raises(UsageError, match=r"may not be read: permission denied; check the rights"):
            read_table(str(path))


COLUMNS = pd.DataFrame({"n": [1, 2, 3], "t": ["a", None, "b"], "d": pd.to_datetime(["2024-01-01", "2024-01-02", None])})


def test_digest_is_a_sha256_that_never_changes() -> None:
    texts = pd.Series(["a", "", "ü"], dtype=object)  # what pandas makes of texts depends on its version
    frame = pd.DataFrame({"n": [1, -0.0, None], "t": texts, "b": [True, False, True]})
    assert source_digest(frame) == "06ec9c6a94141920ebe8f434b6ca9eb66d128c37ef58ee8e107325f5b2d128f7"


def test_digest_does_not_depend_on_the_index() -> None:
    assert source_digest(COLUMNS.set_axis([5, 6, 7])) == source_digest(COLUMNS)


@pytest.mark.parametrize(
    "other",
    [
        COLUMNS.rename(columns={"n": "m"}),
        COLUMNS[["t", "n", "d"]],
        COLUMNS[::-1],
        COLUMNS[:2],
        COLUMNS.assign(n=[1, 2, 4]),
        COLUMNS.assign(n=[1, 2, np.nan]),
        COLUMNS.assign(n=["1", "2", "3"]),
        COLUMNS.assign(t=["a", "b", None]),
        COLUMNS.assign(t=["a", "a", "b"]),
        COLUMNS.assign(t=["a", "", "b"]),
        COLUMNS.astype({"n": "float32"}),
        COLUMNS.astype({"n": "Int64"}),
        COLUMNS.astype({"n": object}),
        COLUMNS.astype({"t": "category"}),
        COLUMNS.astype({"d": object}),
        COLUMNS.assign(n=[Decimal(1), Decimal(2), Decimal(3)]),
    ],
)
def test_digest_depends_on_every_name_and_value(other: Any) -> None:
    assert source_digest(other) != source_digest(COLUMNS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.Series(["a", None], dtype=object), pd.Series(["a", np.nan], dtype=object)),
        (pd.Series(["a", None], dtype=object), pd.Series(["a", ""], dtype=object)),
        (pd.Series([1, None], dtype=object), pd.Series([1, np.nan], dtype=object)),
        (pd.Series([1, True], dtype=object), pd.Series([1, 1], dtype=object)),
        (pd.Series([0.0, 1.0]), pd.Series([-0.0, 1.0])),
        (pd.Series(["a", None], dtype="string"), pd.Series(["a", ""], dtype="string")),
        (pd.Categorical(["a"], categories=["a", "b"]), pd.Categorical(["a"], categories=["b", "a"])),
        (pd.Categorical(["a"], categories=["a", "b"]), pd.Categorical(["a"], categories=["a", "b"], ordered=True)),
    ],
)
def test_digest_tells_apart_what_a_model_can(one: Any, other: Any) -> None:
    assert source_digest(pd.DataFrame({"c": one})) != source_digest(pd.DataFrame({"c": other}))
    assert source_digest(pd.DataFrame({"c": one})) == source_digest(pd.DataFrame({"c": one.copy()}))


def test_digest_keeps_neighbouring_texts_apart() -> None:
    first, second = (pd.DataFrame({"t": values}) for values in (["ab", "c"], ["a", "bc"]))
    assert source_digest(first) != source_digest(second)


def test_what_would_never_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "link.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match="is a link that leads back to itself"):
        read_table(str(tmp_path / "link.csv"))
    with pytest.raises(UsageError, match="is a pipe, which is not read; save what it gives to a file"):
        read_table(str(tmp_path / "pipe.csv"))


def test_a_file_of_a_folder_that_cannot_be_read_is_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    os.mkfifo(tmp_path / "b.csv")
    with pytest.raises(UsageError, match=r"b\.csv is a pipe"):
        read_table(str(tmp_path))
    (tmp_path / "b.csv").unlink()
    (tmp_path / "c.csv").symlink_to(tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"c\.csv is a link to nothing"):
        read_table(str(tmp_path))


@pytest.mark.parametrize(
    "source", ["file://[x/a.csv", "~nobody-of-this-name/a.csv", "s3://[x/a.csv", "s3://k:T0ken@b/a.csv"]
)
def test_an_address_that_is_none_is_refused_without_its_secret(source: str) -> None:
    with pytest.raises(UsageError) as error:
        read_table(source)
    assert "T0ken" not in str(error.value)
