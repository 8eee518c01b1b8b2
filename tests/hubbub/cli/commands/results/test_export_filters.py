"""`hubbub export` says which values of filters match nothing."""

from pathlib import Path

from tests.support.commandline import Run


def test_a_value_that_matches_nothing_is_said(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"timestamp": 5, "topic": "a.b", "users": ["anna"]}\n')
    store = ("--store", tmp_path / "store")
    hubbub("import", tmp_path / "x.jsonl", "--format", "jsonl", *store)
    result = hubbub("export", "-o", "-", "--user", "ana", "--topic", "a.*", *store)
    assert (result.code, result.out) == (0, "")
    assert "no user matches 'ana'; near: anna" in result.err
    assert "topic" not in result.err
