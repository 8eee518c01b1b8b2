"""The configuration file and its effect on commands."""

import json
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from hubbub import config
from hubbub.errors import UsageError
from tests.support.commandline import Run


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "hubbub.toml"
    file.write_text(text)
    return file


def test_the_documented_sample_is_valid_and_complete(tmp_path: Path) -> None:
    doc = config.__doc__
    assert doc is not None
    sample = "\n".join(line[4:] for line in doc.splitlines() if line.startswith("    "))
    read = config.load(written(tmp_path, sample))
    assert read.store == "/var/lib/hubbub"
    assert read.plugins.files == (str(tmp_path / "karma.py"),)
    assert read.people.directory == str(tmp_path / "directory.json")
    assert read.gather.jobs == 4
    for struct, section in (
        (read, sample),
        *(
            (part, sample)
            for part in msgspec.structs.astuple(read)
            if isinstance(part, msgspec.Struct)
        ),
        (read.hooks["github"], sample),
    ):
        for name in struct.__struct_encode_fields__:
            stated = (f"{name} =", f"[{name}]", f"[{name}.", f".{name}]")
            assert any(text in section for text in stated), f"{name} is not documented"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stroe = 'x'", "unknown key stroe\n  did you mean store?"),
        ("[gather]\njob = 1", "unknown key gather.job\n  did you mean gather.jobs?"),
        ("[nonsense]\nx = 1", "unknown key nonsense"),
        ("[plugins]\nform = 'now'", "unknown key plugins.form\n  did you mean plugins.from?"),
        (
            "[hooks.ci]\nsecert = 's'",
            "unknown key hooks.ci.secert\n  did you mean hooks.ci.secret?",
        ),
        (
            "[servers.far]\nulr = 'x'",
            "unknown key servers.far.ulr\n  did you mean servers.far.url?",
        ),
        ("[[alerts]]\n[[alerts]]\nshrot = '1m'", "unknown key alerts[2].shrot"),
        ("[gather]\njobs = 'many'", "Expected `int | null`, got `str` - at `$.gather.jobs`"),
        ("by = 'everyone'", "Invalid enum value 'everyone'"),
        ("gather = 3", "Expected `object`, got `int`"),
        ("= x", "is not valid TOML: Invalid statement (at line 1"),
    ],
)
def test_mistakes_are_reported(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        config.load(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)


def test_values_are_defaults_of_options(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    file = written(tmp_path, f"store = '{made_store}'\nby = 'agent'\nbots = false\n")
    result = hubbub("query", "users", "--json", "--config", file)
    assert (result.json["parameters"]["by"], result.json["parameters"]["bots"]) == ("agent", False)
    assert {row["user"] for row in result.json["data"]} == {"alice", "bob"}
    result = hubbub("query", "users", "--json", "--config", file, "--by", "users", "--bots")
    assert (result.json["parameters"]["by"], result.json["parameters"]["bots"]) == ("users", True)


def test_the_default_file_is_read_and_bots_replaced(
    hubbub: Run, made_store: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "config" / "hubbub"
    folder.mkdir(parents=True)
    written(folder, "[people]\nbots = ['al*']\n")
    result = hubbub("query", "users", "--json", "--no-bots", "--store", made_store)
    assert {row["user"] for row in result.json["data"]} & {"alice", "releng"} == {"releng"}
    written(folder, "[people]\nmore_bots = ['al*']\n")
    result = hubbub("query", "users", "--json", "--store", made_store)
    assert not {row["user"] for row in result.json["data"]} & {"alice", "releng"}


@pytest.mark.parametrize("first", [True, False])
def test_plugins_of_the_configuration(
    hubbub: Run, made_store: Path, tmp_path: Path, registry: None, *, first: bool
) -> None:
    (tmp_path / "p.py").write_text("from hubbub import query\n@query\ndef seven():\n    return 7\n")
    file = written(tmp_path, "plugins = ['p.py']\n")
    named = ["--config", file]
    args = [*named, "query", "seven"] if first else ["query", "seven", *named]
    result = hubbub(*args, "--json", "--store", made_store)
    assert (result.code, result.json["data"]) == (0, 7)


def test_the_directory_of_people_reaches_the_loader(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "dir.json").write_text('{"anna@example.org": "anna"}')
    file = written(tmp_path, "[people]\ndirectory = 'dir.json'\n")
    line = tmp_path / "x.jsonl"
    envelope = {
        "msg_id": "1",
        "timestamp": 1767261600,
        "topic": "org.fedoraproject.prod.bugzilla.bug.new",
        "msg": {"bug": {"creator": "anna@example.org", "component": "vim"}},
    }
    line.write_text(json.dumps(envelope) + "\n")
    options = ["--config", str(file), "--store", str(tmp_path / "s")]
    assert hubbub("import", line, "--format", "fedmsg", *options).code == 0
    result = hubbub("query", "users", "--json", *options)
    assert [row["user"] for row in result.json["data"]] == ["anna"]
    people = hubbub("people", line, "--directory", tmp_path / "dir.json")
    assert people.json["users"] == ["anna"]
    (tmp_path / "dir.json").write_text("[]")
    assert hubbub("people", line, "--directory", tmp_path / "dir.json").code == 2


def test_an_account_without_a_home_names_its_store(
    hubbub: Run, made_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like a DynamicUser of systemd without nss-systemd: no HOME and no entry in passwd."""

    def no_entry(number: int) -> NoReturn:
        raise KeyError(number)

    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    assert hubbub("query", "users", "--json", "--store", made_store).code == 0
    result = hubbub("status")
    assert (result.code, "--store" in result.err, "no home" in result.err) == (2, True, True)
