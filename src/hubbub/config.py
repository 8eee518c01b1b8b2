"""The configuration file: TOML with defaults for command-line options.

    store = "/var/lib/hubbub"       # folder of the store
    log_format = "json"             # text or json
    log_level = "info"              # lowest level logged: debug, info, warning or error
    plugins = ["karma.py"]          # Python files with your own queries, views and jobs
    by = "users"                    # whom to count: agent or users
    bots = false                    # true: count known programs as people
    bodies = false                  # true: also store the full body of each message
    max_message = "4MiB"            # larger messages are refused; the first 64 KiB are kept

    [gather]
    url = "https://…/datagrepper"   # the history service
    jobs = 4                        # parallel requests

    [listen]
    zmq = ["tcp://…:9940"]          # endpoints to connect to
    zmq_bind = []                   # endpoints to bind
    topic = ["org.fedoraproject."]  # topic prefixes; empty: all topics
    backfill = "https://…"          # history service that fills gaps; unset: gaps stay
    settle = "10m"                  # how late rows may appear in the history
    metrics_port = 8718             # serve /healthz and /metrics on this port; unset: off
    metrics_host = "127.0.0.1"      # address of that port; another one opens it to other machines

    [trust]                         # fedmsg signatures; with a CA, listen verifies them
    ca = "ca.crt"                   # certificate of the CA, PEM
    crl = "crl.pem"                 # its revocation list; reloaded when it changes
    policy = "policy.toml"          # "org.example.prod.git.receive" = ["host.example.org"]
    nitpicky = false                # true: refuse topics that the policy does not name

    [people]
    more_bots = ["ci", "*-robot"]   # bot accounts, in addition to the built-in list
    bots = ["releng", "*-sig"]      # replaces the built-in list
    directory = "directory.json"    # JSON object from e-mail address or nick to account
    rules = "rules.toml"            # extraction rules for your own bus (docs/rules.md)
    affiliations = "who.csv"        # account,organisation,from,to (docs/accounts.md)

    [retention]
    events = "10y"                  # how long events are kept; or "forever"
    bodies = "30d"                  # how long bodies are kept, if they are stored
    dead_letters = "30d"            # how long dead letters are kept; set by listen and retention
    dead_letters_size = "100MiB"    # total size of dead letters; the newest are kept

    [jobs.usage]                    # parameters of a job, as on the command line (docs/jobs.md)
    schedule = "0 3 * * *"          # replaces the job's own; "off": no schedule
    config_start = 2026-01-01

Options on the command line take precedence. Paths are relative to the file. An unknown key is an
error.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from hubbub.errors import UsageError

__all__ = [
    "Config",
    "GatherConfig",
    "ListenConfig",
    "PeopleConfig",
    "RetentionConfig",
    "TrustConfig",
    "default_path",
    "default_store",
    "load",
]


class GatherConfig(msgspec.Struct, frozen=True):
    """Section `[gather]`."""

    url: str | None = None
    jobs: int | None = None


class ListenConfig(msgspec.Struct, frozen=True):
    """Section `[listen]`."""

    zmq: tuple[str, ...] = ()
    zmq_bind: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    backfill: str | None = None
    settle: str | None = None
    metrics_port: int | None = None
    metrics_host: str | None = None


class TrustConfig(msgspec.Struct, frozen=True):
    """Section `[trust]`."""

    ca: str | None = None
    crl: str | None = None
    policy: str | None = None
    nitpicky: bool = False


class PeopleConfig(msgspec.Struct, frozen=True):
    """Section `[people]`."""

    bots: tuple[str, ...] | None = None
    more_bots: tuple[str, ...] = ()
    directory: str | None = None
    rules: str | None = None
    affiliations: str | None = None


class RetentionConfig(msgspec.Struct, frozen=True):
    """Section `[retention]`."""

    events: str | None = None
    bodies: str | None = None
    dead_letters: str | None = None
    dead_letters_size: str | None = None


class Config(msgspec.Struct, frozen=True):
    """The whole file."""

    store: str | None = None
    log_format: Literal["text", "json"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    plugins: tuple[str, ...] = ()
    by: Literal["agent", "users"] | None = None
    bots: bool | None = None
    bodies: bool | None = None
    max_message: str | None = None
    gather: GatherConfig = GatherConfig()
    listen: ListenConfig = ListenConfig()
    trust: TrustConfig = TrustConfig()
    people: PeopleConfig = PeopleConfig()
    retention: RetentionConfig = RetentionConfig()
    jobs: dict[str, dict[str, Any]] = {}  # by the job's name


SECTIONS: Mapping[str, type[msgspec.Struct]] = {
    "gather": GatherConfig,
    "listen": ListenConfig,
    "trust": TrustConfig,
    "people": PeopleConfig,
    "retention": RetentionConfig,
}


def default_path() -> Path | None:
    """Return the path of `hubbub.toml` in the platform's configuration folder.

    None for an account without a home folder.
    """
    import platformdirs

    try:
        return platformdirs.user_config_path("hubbub") / "hubbub.toml"
    except RuntimeError:  # systemd's DynamicUser: neither HOME nor an entry in passwd
        return None


def default_store() -> Path:
    """Return the platform's data folder.

    Raises:
        UsageError: the account has no home folder.
    """
    import platformdirs

    try:
        return platformdirs.user_data_path("hubbub")
    except RuntimeError:
        raise UsageError(
            "this account has no home folder for a default store",
            hint="give --store PATH, or `store` in a file given with --config",
        ) from None


def _check_keys(
    table: Mapping[str, Any], kind: type[msgspec.Struct], file: str, section: str = ""
) -> None:
    """Raise a UsageError for the first key that is not a field of `kind`."""
    keys = kind.__struct_fields__
    prefix = f"{section}." if section else ""
    for key, value in table.items():
        if key not in keys:
            hint = f"there are: {', '.join(keys)}"
            if matches := difflib.get_close_matches(key, keys, n=1):
                hint = f"did you mean {prefix}{matches[0]}?"
            raise UsageError(f"unknown key {prefix}{key!s}", where=file, hint=hint)
        if not section and key in SECTIONS and isinstance(value, Mapping):
            _check_keys(value, SECTIONS[key], file, key)


def _resolve_paths(config: Config, folder: Path) -> Config:
    """Make the paths in a configuration absolute; they are relative to its folder."""

    def absolute(path: str) -> str:
        return str(folder / Path(path).expanduser())

    def section(part: Any, *names: str) -> Any:
        paths = {name: getattr(part, name) for name in names}
        return msgspec.structs.replace(
            part, **{name: absolute(path) for name, path in paths.items() if path is not None}
        )

    return msgspec.structs.replace(
        config,
        store=None if config.store is None else absolute(config.store),
        plugins=tuple(map(absolute, config.plugins)),
        people=section(config.people, "directory", "rules", "affiliations"),
        trust=section(config.trust, "ca", "crl", "policy"),
    )


def load(path: Path | None) -> Config:
    """Read a configuration file; with None the default file, if there is one.

    Raises:
        UsageError: the file does not exist, is not TOML, or holds an unknown key or a value of the
            wrong type.
    """
    explicit = path is not None
    path = path or default_path()
    if path is None:
        return Config()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if explicit:
            raise UsageError("this configuration file does not exist", where=str(path)) from None
        return Config()
    except OSError as error:
        raise UsageError(
            f"the configuration cannot be read: {error.strerror}", where=str(path)
        ) from error
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration is not valid TOML: {error}", where=str(path)) from None
    _check_keys(table, Config, str(path))
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise UsageError(f"wrong value: {error}", where=str(path)) from None
    return _resolve_paths(config, path.resolve().parent)
