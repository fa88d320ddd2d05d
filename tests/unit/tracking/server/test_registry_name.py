"""Names the registry would refuse are refused before any work is done."""

from __future__ import annotations

import pytest

from interp_pipeline.errors import UsageError
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.tracking.server.registry import check_registered_name


@pytest.mark.parametrize("name", ["credit", "Credit 2024 (final)", "größe", "a.b-c_d", "<b>$x", "x" * 250])
def test_a_name_that_is_taken_can_be_asked_for(name: str) -> None:
    check_registered_name(name)
    assert ModelRef.parse(f"models:/{name}/1") == ModelRef(name=name, version=1)


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", "a@b", "a\nb", "a\tb", "x" * 251])
def test_others_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_registered_name(name)
    assert "\n" not in str(caught.value)
    assert "name" in str(caught.value)
