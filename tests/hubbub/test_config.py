"""The configuration file and its effect on commands."""

import json
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from hubbub import config
from hubbub.config import sample, schema
from hubbub.errors import UsageError
from tests.support.commandline import Run


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "hubbub.toml"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def keys() -> list[schema.Key]:
    return [key for section in schema.sections(config.Config) for key in section.keys]


def test_every_example_of_the_sample_is_valid_where_it_stands(
    tmp_path: Path, keys: list[schema.Key]
) -> None:
    text = sample.sample(schema.sections(config.Config))
    lines = [line[2:] for line in text.splitlines() if line.startswith("# ")][4:]
    settings = "\n".join(line for line in lines if not line.startswith("team ="))
    read = config.load(written(tmp_path, settings), {})
    assert read.store == "/var/lib/hubbub"
    assert read.plugins.files == (str(tmp_path / "karma.py"),)
    assert read.people.directory == str(tmp_path / "directory.json")
    assert read.serve.wrappers == {"handle_.*": str(tmp_path / "sso.py:login")}
    assert read.hooks["github"].secret_file == str(tmp_path / "github.secret")
    assert (read.alerts[0].hold, read.plugins.begin, read.listen.metrics_port) == (
        "1min", "now", 8718,
    )  # fmt: skip
    for key in keys:
        assert f"# {key.name} = " in text


def test_every_variable_sets_its_key_and_only_that(keys: list[schema.Key]) -> None:
    settable = [key for key in keys if key.variable is not None]
    assert len(settable) > 50
    for key in settable:
        example = key.example
        value = ",".join(example) if isinstance(example, list) else schema.toml_value(example)
        read = config.load(None, {"HUBBUB_CONFIG": "", str(key.variable): value.strip('"')})
        table = msgspec.to_builtins(read)
        found = table[key.section][key.name] if key.section else table[key.name]
        assert (list(found) if isinstance(found, tuple) else found) == example
        plain = msgspec.to_builtins(config.Config())
        (plain[key.section] if key.section else plain)[key.name] = found
        assert table == plain


def test_options_come_before_variables_and_variables_before_the_file(
    hubbub: Run, made_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_CONFIG", str(written(tmp_path, "by = 'users'\nbots = true\n")))
    monkeypatch.setenv("HUBBUB_STORE", str(made_store))
    monkeypatch.setenv("HUBBUB_BY", "agent")
    result = hubbub("query", "users", "--json", "--no-bots")
    assert (result.json["parameters"]["by"], result.json["parameters"]["bots"]) == ("agent", False)
    shown = hubbub("config", "show").out
    assert 'by = "agent"  # HUBBUB_BY' in shown
    assert "bots = true\n" in shown


def test_a_variable_of_the_wrong_type_is_named(
    hubbub: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_SERVE_PORT", "high")
    result = hubbub("config", "check")
    assert "HUBBUB_SERVE_PORT: wrong value 'high': expected integer" in result.err


@pytest.mark.parametrize("file", ["", "bots = true\n"])
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("HUBBUB_PROJECT_TIMEZONE", "Mars/X", "project.timezone: 'Mars/X'"),
        ("HUBBUB_PROJECT_LANG", "zz", "project.lang: there is no language 'zz'"),
        ("HUBBUB_BY", "everyone", "wrong value: Invalid enum value 'everyone'"),
        ("HUBBUB_PLUGINS_FROM", "then", "wrong value: Invalid enum value 'then'"),
    ],
)
def test_a_wrong_value_of_a_variable_names_it_and_not_the_file(
    tmp_path: Path, file: str, variable: str, value: str, message: str
) -> None:
    path = written(tmp_path, file) if file else None
    with pytest.raises(UsageError) as caught:
        config.load(path, {variable: value})
    assert str(caught.value).startswith(f"{variable}: {message}")


def test_a_wrong_value_of_the_file_names_it_and_not_another_keys_variable(tmp_path: Path) -> None:
    file = written(tmp_path, "project.lang = 'zz'\n")
    with pytest.raises(UsageError) as caught:
        config.load(file, {"HUBBUB_PROJECT_TIMEZONE": "UTC", "HUBBUB_BY": "users"})
    assert str(caught.value).startswith(f"{file}: ")


def test_secrets_are_not_shown(hubbub: Run, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "listen.amqp = ['amqps://me:hush1@broker/v']\nnotify.team = 'ntfy://hush2'\n"
        "[hooks.github]\nsecret = ['hush3']\n[notify.list]\nurl = 'ntfy://hush4'\n",
    )
    shown = hubbub("config", "show", "--config", file).out
    assert "hush" not in shown
    assert shown.count(sample.MASK) == 4


def test_check_names_every_mistake(hubbub: Run, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "engine.memory = 'lots'\ntrust.ca = 'none.pem'\nserve.timeout = 'soon'\n"
        "[[alerts]]\nname = 'a'\nnotify = ['nobody']\n",
    )
    result = hubbub("config", "check", "--config", file)
    for words in ("engine.memory", "none.pem", "serve.timeout", "a channel 'nobody'"):
        assert words in result.err
    file = written(tmp_path, "store = 'somewhere'\n")
    assert hubbub("config", "check", "--config", file).out == f"valid: {file}\n"


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
        ("[[alerts]]\nname = 'a'\nmeasure = 'x'", 'expected: "bytes" or "coverage" or "messages"'),
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
