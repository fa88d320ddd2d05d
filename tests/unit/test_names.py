"""Texts a user types, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_pipeline.errors import UsageError
from interp_pipeline.names import (
    default_model_name,
    model_name,
    parse_hidden,
    parse_list,
    parse_model_uris,
    parse_numbers,
)
from interp_pipeline.tracking.server.registry import check_registered_name


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("german_credit", "german-credit-keras"),
        ("s3://bucket/Loans 2024.csv", "loans-2024-keras"),
        ("/data/Loans 2024.csv", "loans-2024-keras"),
        ("../a.b.parquet", "a-b-keras"),
        ("https://x.org/data/wine.csv?sig=secret", "wine-keras"),
        ("s3://bucket/folder/", "folder-keras"),
        ("数据.csv", "model-keras"),
    ],
)
def test_a_name_is_made_from_where_the_data_lies(data: str, name: str) -> None:
    assert default_model_name(data, "keras") == name


@given(st.text(min_size=1, max_size=60))
def test_a_made_name_is_always_one_the_registry_takes(stem: str) -> None:
    check_registered_name(default_model_name(f"/data/{stem}.csv", "random_forest"))


@pytest.mark.parametrize("prefix", ["credit", "v1.2", "Team A", "größe"])
def test_a_prefix_is_taken_as_it_is(prefix: str) -> None:
    assert model_name(prefix, "random_forest") == f"{prefix}-random-forest"


def test_layers() -> None:
    assert parse_hidden("64,64") == (64, 64)
    assert parse_hidden(" 8 ") == (8,)
    for text in ("", "64;64", "64,,64", "many", "6.4"):
        with pytest.raises(UsageError, match="--hidden"):
            parse_hidden(text)


def test_methods() -> None:
    assert parse_list("shap, lime ,") == ("shap", "lime")
    assert parse_list("") == ()


def test_versions_to_compare() -> None:
    assert parse_model_uris("models:/a/1, models:/b@best", "", "") == ("models:/a/1", "models:/b@best")
    assert parse_model_uris("", "a", "1, champion,3") == ("models:/a/1", "models:/a@champion", "models:/a/3")
    for uris, name in (("", ""), ("models:/a/1", "a")):
        with pytest.raises(UsageError, match="either model_uris, or model_name"):
            parse_model_uris(uris, name, "1")


def test_numbers_of_rows_are_separated_by_commas() -> None:
    assert parse_numbers("row", "") == ()
    assert parse_numbers("row", "17, 23") == (17, 23)
    with pytest.raises(UsageError, match="row 'first': write whole numbers, separated by commas: 17,23"):
        parse_numbers("row", "first")
