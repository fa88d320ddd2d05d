"""Model URIs: what is read is what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_pipeline.errors import UsageError
from interp_pipeline.model_ref import ModelRef

_NAMES = st.text(st.characters(exclude_characters="/@\n", exclude_categories=("Cs",)), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("uri", "ref"),
    [
        ("models:/credit/3", ModelRef(name="credit", version=3)),
        (" models:/credit rf (2024)/12 ", ModelRef(name="credit rf (2024)", version=12)),
        ("models:/credit@champion", ModelRef(name="credit", alias="champion")),
        ("models:/größe@v1.2", ModelRef(name="größe", alias="v1.2")),
        ("models:/credit/latest", ModelRef(name="credit")),
        ("models:/credit/007", ModelRef(name="credit", version=7)),
    ],
)
def test_each_form_is_read(uri: str, ref: ModelRef) -> None:
    assert ModelRef.parse(uri) == ref


@given(_NAMES.filter(lambda name: name.strip() == name), st.integers(1, 10**6))
def test_what_is_written_is_read_again(name: str, version: int) -> None:
    for ref in (ModelRef(name=name, version=version), ModelRef(name=name, alias="best"), ModelRef(name=name)):
        assert ModelRef.parse(str(ref)) == ref


@pytest.mark.parametrize(
    "uri",
    [
        *("", "credit", "credit/3", "models:/", "models:/credit", "models:/credit/", "models:/credit@"),
        *("models:/credit/3/4", "models:/a@b@c", "models:/a/1@b", "models://credit/3", "runs:/abc/model"),
        *("models:/m-0123", "MODELS:/credit/3", "models:/credit/3\nmodels:/other/1"),
    ],
)
def test_anything_else_is_refused_with_the_forms_there_are(uri: str) -> None:
    with pytest.raises(UsageError, match="models:/<name>/<version>") as caught:
        ModelRef.parse(uri)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", ["0", "-1", "1.0", "champion", "Production", "²"])
def test_a_version_is_a_number_from_one_on(version: str) -> None:
    with pytest.raises(UsageError, match="is not a number; for an alias write models:/credit@"):
        ModelRef.parse(f"models:/credit/{version}")
