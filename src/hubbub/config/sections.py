"""Sections of the configuration: collection, the store, people; unset keys are None."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec

from hubbub.config.key import key
from hubbub.errors import UsageError
from hubbub.memory import available
from hubbub.sizes import parse_share, parse_size
from hubbub.times import parse_duration

__all__ = [
    "EngineConfig",
    "GatherConfig",
    "ListenConfig",
    "MirrorConfig",
    "PeopleConfig",
    "ProjectConfig",
    "ReportConfig",
    "RetentionConfig",
    "TrustConfig",
]


#: Below this, the query engine fails even where it writes to the disk what does not fit.
_LEAST_ENGINE = 64 << 20
_LONGEST_TOKEN = 10_000  # characters


class ProjectConfig(msgspec.Struct, frozen=True):
    """The project whose bus it is."""

    name: Annotated[
        str | None, key("name of the project, in titles and source lines of charts", "Fedora")
    ] = None
    url: Annotated[
        str | None, key("its address, in source lines of charts", "https://example.org")
    ] = None
    timezone: Annotated[
        str | None,
        key("cuts days, weeks and months, and shows times", "Europe/Berlin", default="UTC"),
    ] = None
    lang: Annotated[
        str | None,
        key("language of charts, reports and published pages", "de", default="en, English"),
    ] = None


class ReportConfig(msgspec.Struct, frozen=True):
    """Reports (docs/publish.md)."""

    views: Annotated[
        tuple[str, ...],
        key(
            "views of a report, in their order",
            ["longtail", "tail"],
            default="every built-in one",
        ),
    ] = ()


class GatherConfig(msgspec.Struct, frozen=True):
    """History services."""

    url: Annotated[
        str | None,
        key(
            "the history service that `gather` asks",
            "https://history.example.org/datagrepper",
            default="Fedora's public one",
        ),
    ] = None
    jobs: Annotated[int | None, key("requests in parallel", 4, default="4")] = None


class ListenConfig(msgspec.Struct, frozen=True):
    """Buses from which `listen` receives."""

    zmq: Annotated[
        tuple[str, ...], key("ZeroMQ endpoints to connect to", ["tcp://bus.example.org:9940"])
    ] = ()
    zmq_bind: Annotated[tuple[str, ...], key("ZeroMQ endpoints to bind", ["tcp://*:9940"])] = ()
    amqp: Annotated[
        tuple[str, ...],
        key("brokers: fedora, opensuse or amqps://user:password@host/vhost", ["fedora"]),
    ] = ()
    amqp_config: Annotated[
        tuple[str, ...], key("configuration files of fedora-messaging", ["fedora.toml"], path=True)
    ] = ()
    amqp_ca: Annotated[
        str | None, key("CA of the brokers, PEM", "ca.pem", path=True, default="the system's")
    ] = None
    amqp_cert: Annotated[str | None, key("client certificate, PEM", "client.pem", path=True)] = None
    amqp_key: Annotated[
        str | None, key("private key of the client, PEM", "client.key", path=True)
    ] = None
    topic: Annotated[
        tuple[str, ...], key("topic prefixes", ["org.fedoraproject."], default="all topics")
    ] = ()
    backfill: Annotated[
        str | None,
        key(
            "history service that fills gaps",
            "https://history.example.org/datagrepper",
            default="gaps stay",
        ),
    ] = None
    settle: Annotated[
        str | None, key("how late rows may appear in the history", "10m", default="10m")
    ] = None
    metrics_port: Annotated[
        int | None, key("serve /healthz and /metrics on this port", 8718, default="off")
    ] = None
    metrics_host: Annotated[
        str | None,
        key(
            "address of that port; another one opens it to other machines",
            "127.0.0.1",
            default="127.0.0.1",
        ),
    ] = None


class EngineConfig(msgspec.Struct, frozen=True):
    """The query engine."""

    memory: Annotated[
        str | None,
        key(
            "memory of the query engine, or a share of the available memory: 25%",
            "2GiB",
            default="half of the memory there is",
        ),
    ] = None
    spill: Annotated[
        str | None,
        key(
            "disk space, in the store, for what does not fit into that memory",
            "20GiB",
            default="a quarter of what is free",
        ),
    ] = None
    url: Annotated[
        str | None,
        key(
            "another engine for queries and views: a server of Spark Connect (docs/engines.md)",
            "sc://spark.example.org:15002",
            default="duckdb, the built-in engine",
            secret=True,  # a token may be a part of it
        ),
    ] = None
    token_file: Annotated[
        str | None, key("file with a token of that engine", "engine.token", path=True)
    ] = None

    @property
    def connect_url(self) -> str | None:
        """The URL of another query engine, with its token; None: the built-in one.

        Raises:
            UsageError: the file of the token cannot be read.
        """
        if self.url in {None, "duckdb"} or self.token_file is None:
            return None if self.url == "duckdb" else self.url
        try:
            token = Path(self.token_file).read_text(encoding="ascii")[:_LONGEST_TOKEN].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the file of the token cannot be read: {error}",
                where="engine.token_file",
                hint="correct the key: a text file, which only this user may read",
            ) from None
        separator = ";" if "/;" in str(self.url) else "/;"
        return f"{str(self.url).rstrip('/')}{separator}token={quote(token, safe='')}"

    @property
    def memory_bytes(self) -> int | None:
        """The memory of the query engine in bytes; None: its default.

        Raises:
            UsageError: neither a size nor a part of the memory there is, or too little.
        """
        if self.memory is None:
            return None
        size = parse_share(self.memory, available(), "engine.memory")
        if size < _LEAST_ENGINE:
            raise UsageError(
                f"{self.memory} is too little",
                where="engine.memory",
                hint="the query engine needs at least 64MiB; half of what there is, if unset",
            )
        return size

    @property
    def spill_bytes(self) -> int | None:
        """The disk space that the engine may use for what does not fit; None: its default.

        Raises:
            UsageError: not a size.
        """
        return None if self.spill is None else parse_size(self.spill, "engine.spill")


class MirrorConfig(msgspec.Struct, frozen=True):
    """A copy of the tables for clusters (docs/mirror.md); listen and serve keep it up to date."""

    url: Annotated[
        str | None,
        key(
            "s3://BUCKET/PATH, or file:///PATH on a mount that machines share",
            "s3://bucket/hubbub",
            default="no mirror",
        ),
    ] = None
    every: Annotated[str, key("time between two looks for what is new", "5s")] = "5s"

    @property
    def seconds(self) -> float:
        """How long to wait between two passes.

        Raises:
            UsageError: not a duration, or none.
        """
        try:
            seconds = parse_duration(self.every).total_seconds()
        except ValueError as error:
            raise UsageError(str(error), where="mirror.every", hint='write "5s"') from None
        if seconds <= 0:
            raise UsageError(
                "this must be longer than nothing", where="mirror.every", hint='write "5s"'
            )
        return seconds


class TrustConfig(msgspec.Struct, frozen=True):
    """Signatures of fedmsg; with a CA, `listen` verifies them."""

    ca: Annotated[str | None, key("certificate of the CA, PEM", "ca.crt", path=True)] = None
    crl: Annotated[
        str | None, key("its revocation list, PEM; reloaded when it changes", "crl.pem", path=True)
    ] = None
    policy: Annotated[
        str | None, key("TOML file: topic = [hosts that may send it]", "policy.toml", path=True)
    ] = None
    nitpicky: Annotated[bool, key("refuse topics that the policy does not name", True)] = False


class PeopleConfig(msgspec.Struct, frozen=True):
    """Who is a person, and whose account is whose."""

    more_bots: Annotated[
        tuple[str, ...], key("bot accounts, in addition to the built-in list", ["ci", "*-robot"])
    ] = ()
    bots: Annotated[
        tuple[str, ...] | None,
        key("bot accounts, instead of the built-in list", ["releng"], default="the built-in list"),
    ] = None
    directory: Annotated[
        str | None,
        key("JSON object from e-mail address or nick to account", "directory.json", path=True),
    ] = None
    rules: Annotated[
        str | None,
        key("extraction rules for your own bus (docs/rules.md)", "rules.toml", path=True),
    ] = None
    affiliations: Annotated[
        str | None,
        key("CSV: account,organisation,from,to (docs/accounts.md)", "who.csv", path=True),
    ] = None


class RetentionConfig(msgspec.Struct, frozen=True):
    """How long data is kept."""

    events: Annotated[
        str | None, key('how long events are kept; or "forever"', "10y", default="10y")
    ] = None
    bodies: Annotated[
        str | None,
        key("how long bodies are kept, if they are stored", "30d", default="30d"),
    ] = None
    dead_letters: Annotated[
        str | None,
        key("how long dead letters are kept", "30d", default="30d"),
    ] = None
    dead_letters_size: Annotated[
        str | None,
        key(
            "total size of dead letters; the newest are kept",
            "100MiB",
            default="100MiB",
        ),
    ] = None
