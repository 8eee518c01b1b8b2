"""--rules and --directory in people, import, gather, listen and status."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import zmq

from hubbub.store import Store
from hubbub.store.loader.unmapped import MOST, VERBS
from tests.support import paths
from tests.support.commandline import Run
from tests.support.processes import wait_until

RULES = """
[[family]]
topics = ["loans.*"]
agent = ["desk.clerk"]
users = ["desk.clerk", "reader.card > directory"]
objects = ["books[].title"]
"""
TOPIC = "org.library.prod.loans.out"
BODY = {"desk": {"clerk": "mina"}, "reader": {"card": "card-7"}, "books": [{"title": "Emma"}]}
EXTRACTED = {"agent": "mina", "users": ["jonathan", "mina"], "objects": ["Emma"]}


def envelope(identity: str, topic: str = TOPIC, msg: object = BODY) -> str:
    return json.dumps({"msg_id": identity, "timestamp": 1767261600, "topic": topic, "msg": msg})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "cards.json").write_text('{"card-7": "jonathan"}')
    (tmp_path / "loans.jsonl").write_text(envelope("1") + "\n")
    (tmp_path / "hubbub.toml").write_text(
        '[people]\nrules = "rules.toml"\ndirectory = "cards.json"\n'
    )
    return tmp_path


def options(files: Path, by: str) -> list[str]:
    if by == "config":
        return ["--config", str(files / "hubbub.toml")]
    return ["--rules", str(files / "rules.toml"), "--directory", str(files / "cards.json")]


@pytest.mark.parametrize("by", ["options", "config"])
def test_people_and_import(hubbub: Run, files: Path, by: str) -> None:
    result = hubbub("people", files / "loans.jsonl", *options(files, by))
    assert result.json == {"id": "1", "topic": TOPIC} | EXTRACTED
    store = files / "store"
    hubbub("import", files / "loans.jsonl", "--format", "fedmsg", "--store", store,
           *options(files, by))  # fmt: skip
    assert stored(store) == EXTRACTED
    assert hubbub("status", "--store", store, "--json").json["unmapped"] == []


def test_an_option_takes_precedence_over_the_configuration(hubbub: Run, files: Path) -> None:
    (files / "other.toml").write_text('[[family]]\ntopics = ["loans.*"]\nusers = ["reader.card"]\n')
    result = hubbub("people", files / "loans.jsonl", "--config", files / "hubbub.toml",
                    "--rules", files / "other.toml")  # fmt: skip
    assert result.json["users"] == ["card-7"]


def test_the_example_of_the_documentation(hubbub: Run, tmp_path: Path) -> None:
    page = (paths.ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    (message,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    rules, config, *_ = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "rules.toml").write_text(rules)
    (tmp_path / "hubbub.toml").write_text(config)
    (tmp_path / "cards.json").write_text('{"card-7": "jonathan"}')
    (tmp_path / "FILE.jsonl").write_text(json.dumps(json.loads(message)) + "\n")
    result = hubbub("people", tmp_path / "FILE.jsonl", "--config", tmp_path / "hubbub.toml")
    assert result.json["users"] == ["jonathan", "mina"]
    assert (result.json["agent"], result.json["objects"]) == ("mina", ["Dracula", "Emma"])


def stored(folder: Path) -> dict[str, object]:
    with Store.open(folder, create=False) as store:
        (row,) = store.events().select("agent", "users", "objects").to_pyarrow().to_pylist()
    return msgspec.convert(row, dict[str, object])


def rows(folder: Path) -> int:
    with Store.open(folder, reading=True) as store:
        return store.rows()


@pytest.mark.parametrize("by", ["options", "config"])
def test_the_loader_process_of_a_listener_uses_them(files: Path, by: str) -> None:
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        port = bus.bind_to_random_port("tcp://127.0.0.1")
        process = subprocess.Popen(
            [Path(sys.executable).with_name("hubbub"), "listen", "--store", files / "store",
             "--zmq", f"tcp://127.0.0.1:{port}", *options(files, by)],
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_CONFIG_HOME": str(files)},
        )  # fmt: skip
        assert bus.poll(30_000)
        bus.recv()
        bus.send_multipart([TOPIC.encode(), envelope("1").encode()])
        wait_until(lambda: rows(files / "store"), process=process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0
        assert process.stderr is not None
        process.stderr.close()
    with Store.open(files / "store") as store:
        assert store.waiting().records == 0, "loaded by that process, not by a reader"
    assert stored(files / "store") == EXTRACTED


@pytest.mark.parametrize(
    "command",
    [
        ["people", "loans.jsonl"],
        ["import", "loans.jsonl", "--format", "fedmsg"],
        ["gather", "--url", "http://127.0.0.1:9/"],
        ["listen", "--zmq", "tcp://127.0.0.1:9"],
    ],
)
def test_a_mistake_is_reported_before_anything_is_done(
    hubbub: Run, files: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    (files / "rules.toml").write_text('[[family]]\ntopics = ["a"]\nusers = ["x > upper"]\n')
    result = hubbub(*command, "--store", files / "store", "--rules", files / "rules.toml")
    assert (result.code, result.out) == (2, "")
    assert f"{files / 'rules.toml'}: family 1 (a): unknown transform 'upper'" in result.err
    assert "without:GLOB" in result.err, "the error lists what is allowed"
    none = hubbub(*command, "--store", files / "store", "--rules", files / "none.toml")
    assert (none.code, "none.toml: the rules cannot be read: No such file" in none.err) == (2, True)
    (files / "cards.json").write_text('{"card-7": 7}')
    cards = hubbub(*command, "--store", files / "store", "--directory", files / "cards.json")
    assert (cards.code, "cards.json: the directory of people is no" in cards.err) == (2, True)
    assert not (files / "store").exists()


def test_unmapped_topics_are_counted_once_and_cut(hubbub: Run, files: Path) -> None:
    lines = [
        envelope("1"),
        envelope("2", "org.library.prod.loans.out.python3.8.main"),
        envelope("3", "org.library.prod.loans.out.x.y"),  # cut with those that show a name
        envelope("4", "org.fedoraproject.prod.bodhi.update.comment", {"unlike": 1}),
        envelope("5", "org.fedoraproject.prod.compose.start", None),
        envelope("6", "org.fedoraproject.prod.wiki.article.edit", {"user": "a"}),
    ]
    (files / "x.jsonl").write_text("\n".join(lines))
    stated = {"timestamp": 1767261600, "topic": TOPIC, "users": []}
    (files / "y.jsonl").write_text(json.dumps(stated) + "\n")
    for _ in range(2):
        hubbub("import", files / "x.jsonl", "--format", "fedmsg", "--store", files / "s")
        hubbub("import", files / "y.jsonl", "--format", "jsonl", "--store", files / "s")
    facts = hubbub("status", "--store", files / "s", "--json").json
    short = [(row["topic"], row["why"], row["messages"], row["example"], row["rule_now"])
             for row in facts["unmapped"]]  # fmt: skip
    assert short == [
        ("org.library.prod.loans.out.*", "no-rule", 2, "2", False),
        ("org.fedoraproject.prod.bodhi.update.comment", "no-fit", 1, "4", True),
        (TOPIC, "no-rule", 1, "1", False),
    ]
    assert facts["unmapped"][0]["example_topic"] == "org.library.prod.loans.out.python3.8.main"
    table = hubbub("status", "--store", files / "s", "--unmapped",
                   "--config", files / "hubbub.toml").out.splitlines()  # fmt: skip
    assert [line.split()[:2] for line in table[1:]] == [[row[0], str(row[2])] for row in short]
    assert all("yes" in line for line in table[1:]), "the configuration's rules know them now"
    assert "4 messages without a matching rule in 3 topics" in (
        hubbub("status", "--store", files / "s").out
    )


def test_topics_are_cut_when_too_many_follow_a_verb(hubbub: Run, files: Path) -> None:
    ends = ["", *(f".update.{chr(97 + n)}" for n in range(VERBS)), *(f".done.{n}b" for n in "ab")]
    lines = [envelope(f"{n}", f"org.library.prod.desk{end}") for n, end in enumerate(ends)]
    (files / "x.jsonl").write_text("\n".join(lines))
    hubbub("import", files / "x.jsonl", "--format", "fedmsg", "--store", files / "s")
    unmapped = hubbub("status", "--store", files / "s", "--json").json["unmapped"]
    assert {row["topic"] for row in unmapped} == {f"org.library.prod.desk{end}" for end in ends}
    (files / "y.jsonl").write_text(envelope("more", "org.library.prod.desk.update.z"))
    hubbub("import", files / "y.jsonl", "--format", "fedmsg", "--store", files / "s")
    unmapped = hubbub("status", "--store", files / "s", "--json").json["unmapped"]
    assert (unmapped[0]["topic"], unmapped[0]["messages"]) == (
        "org.library.prod.desk.update.*",
        VERBS + 1,
    )
    assert len(unmapped) == 1 + 1 + 2


def test_the_number_of_unmapped_topics_is_bounded(hubbub: Run, files: Path) -> None:
    lines = [envelope(str(n), f"org.library.prod.desk{n}.open") for n in range(MOST + 30)]
    (files / "x.jsonl").write_text("\n".join(lines))
    hubbub("import", files / "x.jsonl", "--format", "fedmsg", "--store", files / "s")
    unmapped = hubbub("status", "--store", files / "s", "--json").json["unmapped"]
    assert len(unmapped) == MOST + 1
    assert (unmapped[0]["topic"], unmapped[0]["messages"]) == ("*", 30)
    assert sum(row["messages"] for row in unmapped) == MOST + 30


def test_a_store_where_every_topic_has_a_rule(hubbub: Run, store: Path) -> None:
    assert "every loaded topic has a rule" in hubbub("status", "--store", store, "--unmapped").out
