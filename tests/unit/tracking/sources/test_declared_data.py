"""Which table counts where several are named for one version."""

from __future__ import annotations

import pytest

from interp_pipeline.errors import UsageError
from interp_pipeline.tracking.sources.declared_data import DataDefault, declare

DEFAULTS = (
    DataDefault(models="credit-*", background="s3://defaults/credit.parquet"),
    DataDefault(models="credit-eu", rows="s3://defaults/eu.csv", background="s3://defaults/eu.parquet"),
    DataDefault(models="*", rows="s3://defaults/all.csv"),
)


def test_nobody_declares_anything() -> None:
    declared = declare("credit", {"stage": "test"}, {}, ())
    assert (declared.rows, declared.background, declared.rows_from, declared.background_from) == (None, None, "", "")


def test_the_version_wins_over_its_model_and_that_over_the_configuration() -> None:
    version, model = (
        {"interp.rows": "s3://v/r.csv"},
        {"interp.rows": "s3://m/r.csv", "interp.background": "s3://m/b.csv"},
    )
    first = declare("credit-eu", version, model, DEFAULTS)
    assert (first.rows, first.background) == ("s3://v/r.csv", "s3://m/b.csv")
    assert first.rows_from == "the tag interp.rows of the version"
    assert first.background_from == "the tag interp.background of the registered model"
    third = declare("credit-eu", {}, {}, DEFAULTS)
    assert (third.rows, third.background) == ("s3://defaults/eu.csv", "s3://defaults/credit.parquet")
    assert third.rows_from == "the entry [[data]] for 'credit-eu' in the configuration"
    assert third.background_from == "the entry [[data]] for 'credit-*' in the configuration"


def test_patterns_fit_whole_names_and_heed_case() -> None:
    for name in ("my-credit-eu", "Credit-eu"):
        declared = declare(name, {}, {}, DEFAULTS)
        assert (declared.rows, declared.background) == ("s3://defaults/all.csv", None)


def test_an_empty_tag_says_nothing_and_blanks_around_an_address_do_not_count() -> None:
    declared = declare("a", {"interp.rows": " ", "interp.background": " s3://v/b.csv\n"}, {}, DEFAULTS)
    assert (declared.rows, declared.background) == ("s3://defaults/all.csv", "s3://v/b.csv")


def test_an_entry_is_checked_like_any_section() -> None:
    with pytest.raises(UsageError, match="unknown option back"):
        DataDefault.from_mapping({"models": "*", "back": "s3://x/y.csv"})
