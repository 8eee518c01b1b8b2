"""The configuration: a TOML file and environment variables with defaults for options.

Every key is documented where it is declared, in `sections` and `server_sections`; from that,
docs/configuration.md and `hubbub config sample` are made. Options on the command line take
precedence over environment variables, and those over the file. Paths in the file are relative to
it. An unknown key is an error.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import inspect

from hubbub.config import environment, schema
from hubbub.config.key import key
from hubbub.config.places import default_path, default_store
from hubbub.config.sections import (
    EngineConfig,
    GatherConfig,
    ListenConfig,
    MirrorConfig,
    PeopleConfig,
    ProjectConfig,
    ReportConfig,
    RetentionConfig,
    TrustConfig,
)
from hubbub.config.server_sections import (
    AlertConfig,
    HookConfig,
    NotifyConfig,
    PeerConfig,
    PluginsConfig,
    PublishConfig,
    ServeConfig,
    UsageConfig,
)
from hubbub.errors import UsageError
from hubbub.language import languages
from hubbub.zones import find

__all__ = [
    "AlertConfig",
    "Config",
    "EngineConfig",
    "GatherConfig",
    "HookConfig",
    "ListenConfig",
    "MirrorConfig",
    "NotifyConfig",
    "PeerConfig",
    "PeopleConfig",
    "PluginsConfig",
    "ProjectConfig",
    "PublishConfig",
    "ReportConfig",
    "RetentionConfig",
    "ServeConfig",
    "TrustConfig",
    "UsageConfig",
    "default_path",
    "default_store",
    "file_path",
    "load",
    "read_effective",
]

_STORE = "the platform's data folder"


class Config(msgspec.Struct, frozen=True):
    """The whole configuration."""

    store: Annotated[
        str | None, key("folder of the store", "/var/lib/hubbub", default=_STORE, path=True)
    ] = None
    log_format: Annotated[
        Literal["text", "json"] | None, key("format of log lines", "json", default='"text"')
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        key("lowest level that is logged", "info", default="by command"),
    ] = None
    by: Annotated[
        Literal["agent", "users"] | None,
        key("whom to count: the agent of a message, or all users", "users", default='"users"'),
    ] = None
    bots: Annotated[bool | None, key("count known programs as people", True, default="false")] = (
        None
    )
    bodies: Annotated[
        bool | None, key("also store the full body of each message", True, default="false")
    ] = None
    max_message: Annotated[
        str | None,
        key("larger messages are refused; their first 64 KiB are kept", "4MiB", default='"4MiB"'),
    ] = None
    project: ProjectConfig = ProjectConfig()
    report: ReportConfig = ReportConfig()
    gather: GatherConfig = GatherConfig()
    listen: ListenConfig = ListenConfig()
    engine: EngineConfig = EngineConfig()
    mirror: MirrorConfig = MirrorConfig()
    plugins: PluginsConfig = PluginsConfig()  # or a list: its files
    serve: ServeConfig = ServeConfig()
    publish: PublishConfig = PublishConfig()
    trust: TrustConfig = TrustConfig()
    people: PeopleConfig = PeopleConfig()
    retention: RetentionConfig = RetentionConfig()
    hooks: dict[str, HookConfig] = {}  # by the hook's name
    servers: dict[str, str | PeerConfig] = {}  # by a name of one's own; a text: its address
    jobs: Annotated[
        dict[str, dict[str, Any]],
        key(
            'parameters of a job by its name, and its schedule; "off": none (docs/jobs.md)',
            {"usage": {"schedule": "0 3 * * *"}},
        ),
    ] = {}
    usage: dict[str, UsageConfig] = {}  # by the report's name
    alerts: tuple[AlertConfig, ...] = ()
    notify: dict[str, str | NotifyConfig] = {}  # by the channel's name; a text: its address

    def with_engine(self, url: str | None) -> Config:
        """Return the configuration with another query engine, to which no token is sent."""
        if url in {None, self.engine.url}:
            return self
        engine = msgspec.structs.replace(self.engine, url=url, token_file=None)
        return msgspec.structs.replace(self, engine=engine)


def _check_keys(value: Any, kind: inspect.Type, file: str, section: str = "") -> None:
    """Raise a UsageError for the first key that is not a field of a struct in `kind`."""
    kind = schema.plain(kind)
    if isinstance(kind, inspect.UnionType):
        for part in kind.types:
            _check_keys(value, part, file, section)
    elif isinstance(kind, inspect.StructType) and isinstance(value, Mapping):
        fields = {field.encode_name: field.type for field in kind.fields}
        for name, part in value.items():
            full = f"{section}.{name}" if section else str(name)
            if name not in fields:
                raise _unknown_key(name, full, fields, file)
            _check_keys(part, fields[name], file, full)
    elif isinstance(kind, inspect.DictType) and isinstance(value, Mapping):
        for name, part in value.items():
            _check_keys(part, kind.value_type, file, f"{section}.{name}")
    elif isinstance(kind, (inspect.ListType, inspect.VarTupleType)) and isinstance(value, list):
        for number, part in enumerate(value, 1):
            _check_keys(part, kind.item_type, file, f"{section}[{number}]")


def _unknown_key(name: str, full: str, keys: Collection[str], file: str) -> UsageError:
    hint = f"there are: {', '.join(keys)}"
    if matches := difflib.get_close_matches(name, keys, n=1):
        hint = f"did you mean {full.removesuffix(name)}{matches[0]}?"
    return UsageError(f"unknown key {full}", where=file, hint=hint)


def _resolve_paths(value: Any, kind: inspect.Type, absolute: Callable[[str], str]) -> Any:
    """Return a part of the file with the values of all keys that name files made absolute."""
    if isinstance(kind, inspect.Metadata):
        return _absolute(value, absolute) if (kind.extra or {}).get("path") else value
    if isinstance(kind, inspect.DictType) and isinstance(value, Mapping):
        return {k: _resolve_paths(v, kind.value_type, absolute) for k, v in value.items()}
    struct = schema.struct_in(kind)
    if struct is not None and isinstance(value, Mapping):
        types = {field.encode_name: field.type for field in struct.fields}
        return {k: _resolve_paths(v, types[k], absolute) for k, v in value.items()}
    return value


def _absolute(value: Any, absolute: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):  # of wrappers, only those that name a file
        return {k: absolute(v) if ".py:" in str(v) else v for k, v in value.items()}
    if isinstance(value, list):
        return [absolute(item) if isinstance(item, str) else item for item in value]
    return absolute(value) if isinstance(value, str) else value


def _wrong_value(error: msgspec.ValidationError, place: Callable[[str], str]) -> UsageError:
    """Return the error for a value of the wrong type, with what the key expects.

    Args:
        error: names the key by its path.
        place: returns where a key was set.
    """
    path = re.sub(r"\[\d+\]", "", str(error).rpartition("`$.")[2].rstrip("`"))
    name = path.replace("[...]", f".{schema.NAME}")
    for section in schema.sections(Config):
        for each in section.keys:
            if name == each.full_name:
                return UsageError(
                    f"wrong value: {error}", where=place(name), hint=f"expected: {each.type}"
                )
    return UsageError(f"wrong value: {error}", where=place(name))


def file_path(path: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the configuration file: the one given, else HUBBUB_CONFIG, else the default file."""
    if path is not None:
        return path
    named = environ.get(environment.CONFIG)
    return Path(named) if named else default_path()


def _read_table(path: Path | None, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Read the configuration file as TOML; an empty table if there is no default file.

    Raises:
        UsageError: a file that was named does not exist, or it cannot be read or is not TOML.
    """
    explicit = path is not None or bool(environ.get(environment.CONFIG))
    path = file_path(path, environ)
    if path is None:
        return {}
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if explicit:
            raise UsageError(
                "this configuration file does not exist",
                where=str(path),
                hint=f"correct the path, or begin one: hubbub config sample > {path}",
            ) from None
        return {}
    except OSError as error:
        raise UsageError(
            f"the configuration cannot be read: {error.strerror}",
            where=str(path),
            hint="it must be a file that this user may read",
        ) from error
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration is not valid TOML: {error}", where=str(path)) from None
    if isinstance(table.get("plugins"), list):
        table["plugins"] = {"files": table["plugins"]}
    return table


def read_effective(
    path: Path | None, environ: Mapping[str, str] = os.environ
) -> tuple[dict[str, Any], dict[str, schema.Key]]:
    """Read what the file and environment variables set.

    Returns:
        The sections with absolute paths, and the keys that variables set, by variable.

    Raises:
        UsageError: the file does not exist, is not TOML, or holds an unknown key; or a variable has
            a value of the wrong type.
    """
    table = _read_table(path, environ)
    if table:
        file = file_path(path, environ)
        assert file is not None
        kind = inspect.type_info(Config)
        _check_keys(table, kind, str(file))
        folder = file.resolve().parent
        table = _resolve_paths(table, kind, lambda name: str(folder / Path(name).expanduser()))
    if not any(name.startswith(environment.PREFIX) for name in environ):
        return table, {}
    keys = [each for section in schema.sections(Config) for each in section.keys]
    return table, environment.apply(table, keys, environ)


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration: a file, then environment variables.

    Args:
        path: of the file; None: HUBBUB_CONFIG, else the default file, if there is one.
        environ: environment variables.

    Raises:
        UsageError: as `read_effective`; or a value has the wrong type.
    """
    table, variables = read_effective(path, environ)
    set_by = {key.full_name: variable for variable, key in variables.items()}
    file = str(file_path(path, environ) or "the environment")

    def place(name: str) -> str:
        """Return where a key was set: the variable, or the file."""
        return set_by.get(name, file)

    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise _wrong_value(error, place) from None
    if config.project.timezone is not None:
        try:
            find(config.project.timezone)
        except ValueError as error:
            name = config.project.timezone
            raise UsageError(
                f"project.timezone: {name!r}: {error}", where=place("project.timezone")
            ) from None
    if config.project.lang not in {None, *languages()}:
        raise UsageError(
            f"project.lang: there is no language {config.project.lang!r}",
            where=place("project.lang"),
            hint=f"there are: {', '.join(languages())}",
        )
    return config
