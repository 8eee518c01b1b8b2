"""The configuration file: TOML, defaults of the command line's options.

    store = "/var/lib/hubbub"       # folder of the store
    log_format = "json"             # text or json
    log_level = "info"              # the lowest that is logged: debug, info, warning, error
    plugins = ["karma.py"]          # files with queries and views of your own
    by = "users"                    # whom to count: agent or users
    bots = true                     # false: leave accounts of machines out
    bodies = false                  # true: store messages whole too
    max_message = "4MiB"            # larger ones are refused, their beginning is kept

    [gather]
    url = "https://…/datagrepper"   # the history service
    jobs = 4                        # requests side by side

    [listen]
    zmq = ["tcp://…:9940"]          # endpoints to connect to
    zmq_bind = []                   # endpoints to bind
    topic = ["org.fedoraproject."]  # topic prefixes; empty: everything
    backfill = "https://…"          # the history service that fills gaps; none: they stay
    settle = "10m"                  # how late rows may come into it
    metrics_port = 8718             # /healthz and /metrics there; none: nowhere
    metrics_host = "127.0.0.1"      # other machines may ask only where this is another address

    [trust]                         # fedmsg's signatures; where there is a CA, listen verifies
    ca = "ca.crt"                   # certificate of the CA, PEM
    crl = "crl.pem"                 # its revocation list; read again when it changes
    policy = "policy.toml"          # "org.example.prod.git.receive" = ["host.example.org"]
    nitpicky = false                # true: refuse topics that the policy does not name

    [people]
    bots = ["releng", "*-sig"]      # accounts of machines; replaces the built-in list
    directory = "directory.json"    # JSON object from e-mail address or nick to account
    rules = "rules.toml"            # who and what on a bus of your own (docs/rules.md)
    affiliations = "who.csv"        # account,organisation,from,to (docs/accounts.md)

    [retention]
    events = "10y"                  # how long events are kept; "forever" is one of the answers
    bodies = "30d"                  # how long bodies are, where they are stored
    dead_letters = "30d"            # how long what was refused is; listen and retention set it
    dead_letters_size = "100MiB"    # and how much of it, newest first

    [jobs.usage]                    # parameters of a job, as on the command line (docs/jobs.md)
    schedule = "0 3 * * *"          # in place of its own; "off": never by schedule
    config_start = 2026-01-01

An option on the command line wins. Paths are relative to the file. An unknown key is an error.
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
    """`hubbub.toml` in the platform's configuration folder; None for an account without a home."""
    import platformdirs

    try:
        return platformdirs.user_config_path("hubbub") / "hubbub.toml"
    except RuntimeError:  # systemd's DynamicUser: neither HOME nor an entry in passwd
        return None


def default_store() -> Path:
    """The platform's data folder.

    Raises:
        UsageError: the account has no home, so there is none.
    """
    import platformdirs

    try:
        return platformdirs.user_data_path("hubbub")
    except RuntimeError:
        raise UsageError(
            "this account has no home folder that a store could be in",
            hint="say where it is: --store, or `store` in a file given with --config",
        ) from None


def _check_keys(table: Mapping[str, Any], kind: type[msgspec.Struct], prefix: str, at: str) -> None:
    known = kind.__struct_fields__
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"there are: {', '.join(known)}"
            raise UsageError(f"unknown key {prefix}{key!s}", where=at, hint=hint)
        if not prefix and key in SECTIONS and isinstance(value, Mapping):
            _check_keys(value, SECTIONS[key], f"{key}.", at)


def _absolute(config: Config, folder: Path) -> Config:
    """Paths of the file, relative to the file."""

    def path(text: str) -> str:
        return str(folder / Path(text).expanduser())

    def section(part: Any, *names: str) -> Any:
        files = {name: getattr(part, name) for name in names}
        return msgspec.structs.replace(
            part, **{name: path(one) for name, one in files.items() if one is not None}
        )

    return msgspec.structs.replace(
        config,
        store=None if config.store is None else path(config.store),
        plugins=tuple(path(one) for one in config.plugins),
        people=section(config.people, "directory", "rules", "affiliations"),
        trust=section(config.trust, "ca", "crl", "policy"),
    )


def load(path: Path | None) -> Config:
    """Read a configuration file; None reads the default one, if it is there.

    Raises:
        UsageError: no such file, no TOML, an unknown key, or a value of the wrong type.
    """
    stated = path is not None
    path = path or default_path()
    if path is None:
        return Config()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if stated:
            raise UsageError("there is no such configuration file", where=str(path)) from None
        return Config()
    except OSError as error:
        raise UsageError(
            f"the configuration cannot be read: {error.strerror}", where=str(path)
        ) from error
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration is no TOML: {error}", where=str(path)) from None
    _check_keys(table, Config, "", str(path))
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise UsageError(f"wrong value: {error}", where=str(path)) from None
    return _absolute(config, path.resolve().parent)
