"""`hubbub import`, `people` and `status`."""

import gzip
import json
from pathlib import Path

from tests.support.commandline import LINES, Run


def lines(tmp_path: Path, text: str, name: str = "x.jsonl") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_import_counts_and_importing_again_adds_nothing(hubbub: Run, tmp_path: Path) -> None:
    text = "".join(json.dumps(line) + "\n" for line in LINES) + "not json\n[]\n"
    file, store = lines(tmp_path, text), tmp_path / "store"
    result = hubbub("import", file, "--format", "jsonl", "--store", store, "--json")
    refused = {"not-json": 1, "not-an-object": 1}
    assert (result.code, result.json) == (0, {"read": 7, "new": 5, "known": 0, "refused": refused})
    second = hubbub("import", file, "--format", "jsonl", "--store", store)
    assert second.out.splitlines() == [
        "read: 7", "new: 0", "known: 5", "refused: 2 (1 not-an-object, 1 not-json)"
    ]  # fmt: skip
    status = hubbub("status", "--json", "--store", store).json
    assert (status["events"], status["oldest"]) == (5, "2026-01-01T10:00:00Z")
    assert status["waiting"] == {"segments": 0, "records": 0, "bytes": 0}
    assert status["sources"] == {
        f"jsonl:{file}": {"new": 5, "known": 5, "refused": {"not-json": 2, "not-an-object": 2}}
    }
    assert sum(status["dead_letters"].values()) >= 2


def test_import_of_a_truncated_file_keeps_what_precedes_the_error(
    hubbub: Run, tmp_path: Path
) -> None:
    many = ({**LINES[0], "id": f"n{n}", "x": "y" * n} for n in range(900))
    text = "".join(json.dumps(line) + "\n" for line in many)
    packed = gzip.compress(text.encode(), compresslevel=0)
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    result = hubbub("import", tmp_path / "cut.gz", "--format", "jsonl", "--store", tmp_path / "s")
    assert result.code == 4
    assert "cut.gz:" in result.err
    stored = hubbub("status", "--json", "--store", tmp_path / "s").json["events"]
    assert 300 < stored < 900
    assert f"new: {stored}" in result.out


def test_several_files_and_one_that_is_missing(hubbub: Run, tmp_path: Path) -> None:
    file = lines(tmp_path, json.dumps(LINES[0]) + "\n")
    result = hubbub(
        "import", file, tmp_path / "none", "--format", "jsonl", "--store", tmp_path / "s"
    )
    assert (result.code, result.out.splitlines()[1]) == (2, "new: 1")


def test_a_truncated_file_does_not_stop_the_others(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x\n" * 9)[:-9])
    last = lines(tmp_path, json.dumps(LINES[0]) + "\n")
    files = (tmp_path / "cut.gz", tmp_path / "none", last)
    result = hubbub("import", *files, "--format", "jsonl", "--store", tmp_path / "s")
    assert (result.code, result.out.splitlines()[1]) == (4, "new: 1")
    assert "cut.gz:" in result.err
    assert "none: there is no such file" in result.err


def test_people_reads_gzip(hubbub: Run, tmp_path: Path) -> None:
    line = b'{"msg_id": "1", "topic": "org.fedoraproject.prod.wiki.x", "msg": {"user": "Anna"}}\n\n'
    (tmp_path / "x.gz").write_bytes(gzip.compress(line))
    result = hubbub("people", tmp_path / "x.gz")
    first, second = map(json.loads, result.out.splitlines())
    assert first["users"] == ["anna"]
    assert second["error"].startswith("not-json")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(line)[:-9])
    cut = hubbub("people", tmp_path / "cut.gz")
    assert cut.code == 4
    assert "cut.gz:" in cut.err
    assert hubbub("people", tmp_path / "none").code == 2


def test_import_of_an_empty_file(hubbub: Run, tmp_path: Path) -> None:
    result = hubbub("import", lines(tmp_path, ""), "--format", "jsonl", "--store", tmp_path / "s",
                    "--json")  # fmt: skip
    assert (result.code, result.json["read"]) == (0, 0)


def test_people_prints_line_by_line_in_order(hubbub: Run, tmp_path: Path) -> None:
    envelope = {"msg_id": "1", "timestamp": 1, "topic": "org.fedoraproject.prod.wiki.article.edit",
                "msg": {"user": "Alice"}}  # fmt: skip
    modern = {"id": "2", "topic": "org.fedoraproject.prod.copr.build.end", "body": {},
              "headers": {"fedora_messaging_user_bob": True}}  # fmt: skip
    file = lines(tmp_path, f"{json.dumps(envelope)}\n\nnot json\n{json.dumps(modern)}")
    result = hubbub("people", file, "--store", tmp_path / "none")
    records = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 0
    assert [record["id"] for record in records] == ["1", None, None, "2"]
    assert records[0]["users"] == ["alice"]
    assert records[3]["users"] == ["bob"]
    assert all("error" in record for record in records[1:3])
    assert not (tmp_path / "none").exists()


def test_status_as_text(hubbub: Run, made_store: Path) -> None:
    result = hubbub("status", "--store", made_store)
    output = result.out
    for text in ("events        5", "2026-01-01T10:00:00Z to 2026-01-03T10:00:00Z",
                 "waiting       0 messages in 0 segments", "refused       0"):  # fmt: skip
        assert text in output


def test_status_without_a_store(hubbub: Run, tmp_path: Path) -> None:
    result = hubbub("status", "--store", tmp_path / "none")
    assert result.code == 0
    assert "range         empty" in result.out
    assert not (tmp_path / "none").exists()
