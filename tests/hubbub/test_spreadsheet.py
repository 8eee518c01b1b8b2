"""CSV cells that a spreadsheet program must not run as formulas."""

import pytest

from hubbub.spreadsheet import escape_formula


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1"])
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "alice", "1=1", "'=1", " =1"])
def test_other_text_is_unchanged(text: str) -> None:
    assert escape_formula(text) == text
