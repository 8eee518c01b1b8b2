"""The texts of an answer hold every name that is in it, once, and little else."""

from __future__ import annotations

from hubbub.live.server.answers.searchable import searchable


def lines(document: object) -> list[str]:
    return searchable(document).decode().split("\n")


def test_texts_and_keys_each_once() -> None:
    document = {
        "users": {"ann": {"counts": [1, 2]}, "bob": {"counts": []}},
        "data": [{"user": "ann", "first": "2026-01-05T10:00:00Z", "n": 3}] * 1_000,
        "parameters": {"user": ["kim*"]},
        "day": "2026-01-05",
        "account": "2026-01-05x",
        "none": None,
    }
    found = lines(document)
    assert found == sorted(set(found))
    assert {"ann", "bob", "kim*", "2026-01-05x"} <= set(found)
    assert not {"2026-01-05T10:00:00Z", "2026-01-05", "3", ""} & set(found)


def test_the_text_of_a_picture_without_its_markup() -> None:
    svg = (
        '<?xml version="1.0"?><svg><style>.hidden{fill:red}</style><title>ann &amp; bob</title>'
        '<path d="M1,2 L3,4"/><text x="1"><tspan>o&#x27;brien</tspan> 3</text></svg>'
    )
    found = lines({"svg": svg, "rows": [["kim", 2.5]]})
    assert {"ann & bob", "o'brien", "3", "kim"} <= set(found)
    assert not [text for text in found if "path" in text or "hidden" in text or "M1" in text]
