"""Tables are read from a real S3 server, and each of its refusals is one readable line."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from interp_pipeline.config import TrainConfig
from interp_pipeline.data.dataset import load_dataset
from interp_pipeline.data.sources import bundled_path, read_table
from interp_pipeline.errors import SourceRefusedError, UsageError

if TYPE_CHECKING:
    from harness.s3 import S3Server

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})


def put(s3: S3Server, key: str, content: bytes) -> str:
    s3.client.put_object(Bucket=s3.bucket, Key=key, Body=content)
    return f"s3://{s3.bucket}/{key}"


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("key", ["read/t.csv", "read/a b/Größe, 100% + ?#.csv"])
def test_a_csv_file(s3: S3Server, key: str) -> None:
    assert read_table(put(s3, key, b"a,b\n1,x\n2,\n")).equals(read_table(put(s3, "read/t.parquet", parquet(FRAME))))


def test_a_file_of_many_pieces(s3: S3Server) -> None:
    rows = pd.DataFrame({"x": range(600_000), "text": "some text that fills the line"})
    source = put(s3, "large/t.csv", rows.to_csv(index=False).encode())
    pd.testing.assert_frame_equal(read_table(source), rows, check_dtype=False)


def test_a_folder(s3: S3Server) -> None:
    put(s3, "folder/b.csv", b"b,a\ny,3\n")
    put(s3, "folder/a.parquet", parquet(FRAME))
    put(s3, "folder/_SUCCESS", b"")
    put(s3, "folder/_log.csv", b"")
    put(s3, "folder/deeper/c.csv", b"other\n1\n")
    put(s3, "folder beside.csv", b"other\n1\n")
    for source in (f"s3://{s3.bucket}/folder/", f"s3://{s3.bucket}/folder"):
        frame = read_table(source)
        assert frame["a"].tolist() == [1, 2, 3]
        assert list(frame.columns) == ["a", "b"]


def test_a_folder_called_like_a_file(s3: S3Server) -> None:
    put(s3, "spark.csv/part-1.csv", b"a\n2\n")
    put(s3, "spark.csv/part-0.csv", b"a\n1\n")
    assert read_table(f"s3://{s3.bucket}/spark.csv")["a"].tolist() == [1, 2]


def test_a_folder_of_more_files_than_one_page_lists(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        put(s3, f"pages/{number}.csv", f"a\n{number}\n".encode())
    from botocore.paginate import Paginator

    whole = Paginator.paginate
    monkeypatch.setattr(
        Paginator, "paginate", lambda self, **options: whole(self, **options, PaginationConfig={"PageSize": 2})
    )
    assert read_table(f"s3://{s3.bucket}/pages/")["a"].tolist() == list(range(7))


@pytest.mark.parametrize("endpoint", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL"])
def test_each_endpoint_variable_alone_is_enough(s3: S3Server, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    source = put(s3, "read/t.csv", b"a,b\n1,x\n2,\n")
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(endpoint, s3.endpoint_url)
    assert len(read_table(source)) == 2


def test_a_whole_data_set(s3: S3Server) -> None:
    source = put(s3, "credit/german.csv", bundled_path().read_bytes())
    data, local = load_dataset(source, TrainConfig()), load_dataset("german_credit", TrainConfig())
    pd.testing.assert_frame_equal(data.train, local.train)
    assert data.source == source


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("s3://{bucket}/nowhere.csv", r"nowhere\.csv does not exist in its bucket; check the key$"),
        ("s3://{bucket}/nowhere/", r"nowhere/ is a folder without files that end in \.csv or"),
        ("s3://{bucket}/nowhere.txt", r"nowhere\.txt is a folder without files that end in"),
        ("s3://no-such-bucket/t.csv", r"there is no bucket 'no-such-bucket'; check the name and the endpoint$"),
        ("s3://no-such-bucket/folder/", r"there is no bucket 'no-such-bucket'"),
    ],
)
def test_what_is_not_there(s3: S3Server, source: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_table(source.format(bucket=s3.bucket))


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("AWS_ACCESS_KEY_ID", r"the credentials are not accepted \(InvalidAccessKeyId\)"),
        ("AWS_SECRET_ACCESS_KEY", r"the credentials are not accepted \(SignatureDoesNotMatch\)"),
    ],
)
def test_wrong_credentials(s3: S3Server, monkeypatch: pytest.MonkeyPatch, variable: str, message: str) -> None:
    source = put(s3, "read/t.csv", b"a,b\n1,x\n")
    monkeypatch.setenv(variable, "wrong")
    with pytest.raises(UsageError, match=message):
        read_table(source)


def test_a_reader_may_read(s3_read_only: S3Server, s3_process: S3Server) -> None:
    source = put(s3_process, "read/t.csv", b"a,b\n1,x\n2,\n")
    assert len(read_table(source)) == 2
    assert s3_read_only.user != s3_process.user


def test_what_is_broken_there_is_named_by_its_address(s3: S3Server) -> None:
    put(s3, "broken/a.csv", b"a,b\n1,2\n")
    put(s3, "broken/b.csv", b"a,b\n1,2,3\n")
    with pytest.raises(UsageError, match=rf"^s3://{s3.bucket}/broken/b\.csv, line 2: 3 values"):
        read_table(f"s3://{s3.bucket}/broken/")


def test_a_table_is_measured_before_it_is_fetched(s3: S3Server) -> None:
    for name in ("a", "b"):
        source = put(s3, f"measured/{name}.csv", b"a\n1\n")
    assert len(read_table(source, max_bytes=4)) == 1
    for refused, limit in ((source, 3), (f"s3://{s3.bucket}/measured/", 7)):
        with pytest.raises(SourceRefusedError, match="is larger than"):
            read_table(refused, max_bytes=limit)
    assert len(read_table(f"s3://{s3.bucket}/measured/", max_bytes=8)) == 2
