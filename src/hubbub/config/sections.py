"""The sections of the configuration file, as `config` documents them; unset keys are None."""

from __future__ import annotations

from typing import Literal

import msgspec

from hubbub.errors import UsageError
from hubbub.sizes import parse_size
from hubbub.times import parse_duration

__all__ = [
    "AlertConfig",
    "EngineConfig",
    "GatherConfig",
    "HookConfig",
    "ListenConfig",
    "NotifyConfig",
    "PeerConfig",
    "PeopleConfig",
    "PluginsConfig",
    "ProjectConfig",
    "RetentionConfig",
    "ServeConfig",
    "TrustConfig",
    "UsageConfig",
]

#: Below this, the libraries cannot be loaded.
_LEAST_MEMORY = 256_000_000


class ProjectConfig(msgspec.Struct, frozen=True):
    """Section `[project]`."""

    timezone: str | None = None


class GatherConfig(msgspec.Struct, frozen=True):
    """Section `[gather]`."""

    url: str | None = None
    jobs: int | None = None


class ListenConfig(msgspec.Struct, frozen=True):
    """Section `[listen]`."""

    zmq: tuple[str, ...] = ()
    zmq_bind: tuple[str, ...] = ()
    amqp: tuple[str, ...] = ()
    amqp_config: tuple[str, ...] = ()
    amqp_ca: str | None = None
    amqp_cert: str | None = None
    amqp_key: str | None = None
    topic: tuple[str, ...] = ()
    backfill: str | None = None
    settle: str | None = None
    metrics_port: int | None = None
    metrics_host: str | None = None


class EngineConfig(msgspec.Struct, frozen=True):
    """Section `[engine]`."""

    memory: str | None = None

    @property
    def memory_bytes(self) -> int | None:
        """The memory of the query engine in bytes; None: its default.

        Raises:
            UsageError: not a size.
        """
        return None if self.memory is None else parse_size(self.memory, "engine.memory")


class ServeConfig(msgspec.Struct, frozen=True):
    """Section `[serve]`."""

    host: str = "127.0.0.1"
    port: int = 8717
    auth: Literal["tokens", "none"] = "tokens"
    anonymous: Literal["read", "people", "none"] = "read"
    hosts: tuple[str, ...] = ()
    timeout: str = "30s"
    jobs: int = 2
    style: str | None = None
    permanent_size: str = "1GiB"
    frame_ancestors: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    root_path: str = ""
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    wrappers: dict[str, str] = {}


class PluginsConfig(msgspec.Struct, frozen=True):
    """Section `[plugins]`; `plugins = ["karma.py"]` is short for its key `files`."""

    files: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    timeout: str = "30s"
    memory: str = "1GB"
    processes: int = 4
    #: Where an event handler begins that was never run on the store.
    begin: Literal["now", "beginning"] = msgspec.field(default="now", name="from")

    @property
    def seconds(self) -> float:
        """How long a call may take.

        Raises:
            UsageError: not a duration.
        """
        try:
            seconds = parse_duration(self.timeout).total_seconds()
        except ValueError as error:
            raise UsageError(f"plugins.timeout: {error}", hint='write "30s"') from None
        if seconds <= 0:
            raise UsageError("plugins.timeout must be longer than nothing", hint='write "30s"')
        return seconds

    @property
    def memory_bytes(self) -> int:
        """How much memory a process may have.

        Raises:
            UsageError: not a size, or too little for any plugin.
        """
        size = parse_size(self.memory, "plugins.memory")
        if size < _LEAST_MEMORY:
            raise UsageError(
                f"plugins.memory: {self.memory} is too little: a process needs 256MB to start"
            )
        return size


class PeerConfig(msgspec.Struct, frozen=True):
    """A section `[servers.NAME]`: another hubbub server."""

    url: str
    token_file: str | None = None
    timeout: str = "20s"


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


class HookConfig(msgspec.Struct, frozen=True):
    """Section `[hooks.NAME]`; `collector.hooks.settings` checks the values."""

    secret: str | tuple[str, ...] = ()
    secret_file: str | None = None
    kind: Literal["github", "gitlab", "forgejo", "discourse", "generic"] | None = None
    rules: str | None = None
    signature_header: str | None = None
    insecure: bool = False
    repository: str | None = None
    organization: str | None = None
    hook_id: int | None = None
    token_file: str | None = None
    api: str | None = None


class UsageConfig(msgspec.Struct, frozen=True):
    """Section `[usage.NAME]`: whose users a usage report counts."""

    title: str = ""
    topic: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    not_user: tuple[str, ...] = ()


class AlertConfig(msgspec.Struct, frozen=True):
    """A table `[[alerts]]`: an alert rule; `live.alerts.rules` checks the values."""

    name: str
    measure: Literal["messages", "bytes", "users", "silence", "overload", "coverage"] = "messages"
    filter: dict[str, str | tuple[str, ...]] = {}  # by the names of the common filters
    per: Literal["none", "topic", "category", "user"] = "none"
    short: float | str | None = None  # ticks, or a duration
    long: float | str | None = None
    threshold: float | None = None
    resolution: float | str | None = None  # seconds, or a duration
    minimum: int | None = None
    hold: float | str | None = msgspec.field(default=None, name="for")  # seconds, or a duration
    notify: str | tuple[str, ...] = ()  # names of channels
    digest: str | None = None


class NotifyConfig(msgspec.Struct, frozen=True):
    """Section `[notify.NAME]`: a channel; `live.alerts.delivery.channels` checks the values."""

    url: str | None = None
    url_file: str | None = None
    url_env: str | None = None
    people: bool = False
    person: str | None = None
