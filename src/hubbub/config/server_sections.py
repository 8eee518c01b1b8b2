"""Sections of the configuration: the server, plugins, hooks, reports, alerts."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hubbub.config.key import key
from hubbub.errors import UsageError
from hubbub.sizes import parse_size
from hubbub.times import parse_duration

__all__ = [
    "AlertConfig",
    "HookConfig",
    "NotifyConfig",
    "PeerConfig",
    "PluginsConfig",
    "PublishConfig",
    "ServeConfig",
    "UsageConfig",
]

#: Below this, the libraries cannot be loaded.
_LEAST_MEMORY = 256_000_000


class ServeConfig(msgspec.Struct, frozen=True):
    """The server (docs/serve.md)."""

    host: Annotated[
        str, key("address to serve; another one opens it to other machines", "127.0.0.1")
    ] = "127.0.0.1"
    port: Annotated[int, key("TCP port", 8717)] = 8717
    auth: Annotated[
        Literal["tokens", "none"],
        key('"none": every client may do everything, on this machine only', "tokens"),
    ] = "tokens"
    anonymous: Annotated[
        Literal["read", "people", "none"],
        key("what may be seen without a token: results, names of people too, nothing", "read"),
    ] = "read"
    hosts: Annotated[
        tuple[str, ...],
        key("names that the server answers to, besides this machine's", ["stats.example.org"]),
    ] = ()
    timeout: Annotated[str, key("longest time of a query or view", "30s")] = "30s"
    jobs: Annotated[int, key("queries and views that run at once; others wait", 2)] = 2
    style: Annotated[
        str | None, key("colours and font of the pictures", "style.toml", path=True)
    ] = None
    permanent_size: Annotated[
        str, key("total size of the answers behind permanent links", "1GiB")
    ] = "1GiB"
    frame_ancestors: Annotated[
        tuple[str, ...],
        key("sites that may show pages of the server in a frame", ["https://example.org"]),
    ] = ()
    cors: Annotated[
        tuple[str, ...],
        key(
            "sites whose scripts may read what clients without a token may read",
            ["https://example.org"],
        ),
    ] = ()
    root_path: Annotated[
        str, key("path prefix under which a proxy serves the server", "/hubbub")
    ] = ""
    public_url: Annotated[
        str | None,
        key("address of the server, for links in notifications", "https://example.org/hubbub"),
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        key("addresses whose X-Forwarded-For and X-Forwarded-Proto are believed", ["10.0.0.5"]),
    ] = ()
    wrappers: Annotated[
        dict[str, str],
        key(
            "rules of access by handler: pattern = module:function, or a file; the first match",
            {"handle_.*": "sso.py:login"},
            path=True,
        ),
    ] = {}


class PluginsConfig(msgspec.Struct, frozen=True):
    """Plugins; `plugins = ["karma.py"]`, above all sections, is short for the key `files`."""

    files: Annotated[
        tuple[str, ...], key("Python files with queries, views and jobs", ["karma.py"], path=True)
    ] = ()
    modules: Annotated[tuple[str, ...], key("installed modules, by name", ["team.karma"])] = ()
    timeout: Annotated[str, key("the server ends a call that takes longer", "30s")] = "30s"
    memory: Annotated[str, key("the server ends a process that needs more", "1GB")] = "1GB"
    processes: Annotated[int, key("processes that run plugins at once, at most", 4)] = 4
    begin: Annotated[
        Literal["now", "beginning"],
        key("where a new event handler begins: with later events, or with the oldest", "now"),
    ] = msgspec.field(default="now", name="from")

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
    """Another hubbub server, whose queries are called by name (docs/servers.md)."""

    url: Annotated[str, key("address of the server", "https://builds.example.org/hubbub")]
    token_file: Annotated[
        str | None, key("file with a token of that server", "builds.token", path=True)
    ] = None
    timeout: Annotated[str, key("for the whole of a call", "20s")] = "20s"


class HookConfig(msgspec.Struct, frozen=True):
    """A webhook at /hook/NAME (docs/hooks.md); `collector.hooks.settings` checks the values."""

    secret: Annotated[
        str | tuple[str, ...],
        key(
            "secret of the sender; a list while it is being changed",
            "correct horse battery",
            secret=True,
        ),
    ] = ()
    secret_file: Annotated[
        str | None, key("file with it instead, one a line", "github.secret", path=True)
    ] = None
    kind: Annotated[
        Literal["github", "gitlab", "forgejo", "discourse", "generic"] | None,
        key("what sends to it", "github", default="the hook's name"),
    ] = None
    rules: Annotated[
        str | None,
        key("extraction rules of this hook, before those of [people]", "hooks.toml", path=True),
    ] = None
    signature_header: Annotated[
        str | None, key("of the kind generic: header with the signature", "X-Sum")
    ] = None
    insecure: Annotated[bool, key("accept unsigned deliveries, on this machine only", True)] = False
    repository: Annotated[
        str | None, key("GitHub: heal gaps from the deliveries it keeps of it", "owner/name")
    ] = None
    organization: Annotated[
        str | None, key("GitHub: the same for the hook of an organisation", "name")
    ] = None
    hook_id: Annotated[int | None, key("GitHub: number of the hook", 12345678)] = None
    token_file: Annotated[
        str | None,
        key("GitHub: file with a token that may read webhooks", "github.token", path=True),
    ] = None
    api: Annotated[
        str | None,
        key(
            "GitHub: address of the API",
            "https://api.github.com",
            default="https://api.github.com",
        ),
    ] = None


class PublishConfig(msgspec.Struct, frozen=True):
    """The static site of `hubbub publish`; `publish.settings` checks the values."""

    title: Annotated[
        str | None,
        key(
            "title of the site",
            "Our project in numbers",
            default="Who carries the load in [project] name",
        ),
    ] = None
    url: Annotated[str | None, key("address of the site", "https://example.org/stats/")] = None
    views: Annotated[
        tuple[str, ...], key("views to draw", ["tail", "volume"], default="all built-in ones")
    ] = ()
    since: Annotated[
        str | None,
        key("range of the pictures, counted back from the newest data", "30d", default='"90d"'),
    ] = None
    license: Annotated[
        str | None,
        key("licence of the data: an SPDX name or an address", "CC-BY-4.0", default="none"),
    ] = None


class UsageConfig(msgspec.Struct, frozen=True):
    """A report at /usage/NAME, of the users of what the filters select (docs/serve.md)."""

    title: Annotated[str, key("title of the report", "The wiki", default="its name")] = ""
    topic: Annotated[
        tuple[str, ...],
        key("globs of topics", ["org.example.wiki.*"], default="the report's name is the topic"),
    ] = ()
    category: Annotated[tuple[str, ...], key("globs of categories", ["wiki"], default="all")] = ()
    object: Annotated[tuple[str, ...], key("globs of objects", ["Main*"], default="all")] = ()
    action: Annotated[tuple[str, ...], key("globs of actions", ["edit"], default="all")] = ()
    not_user: Annotated[tuple[str, ...], key("users who are not counted", ["admin"])] = ()


class AlertConfig(msgspec.Struct, frozen=True):
    """An alert rule; repeatable (docs/alerts.md); `live.alerts.rules` checks the values."""

    name: Annotated[str, key("name in messages and commands", "busy")]
    measure: Annotated[
        Literal["messages", "bytes", "users", "silence", "overload", "coverage"],
        key("what is measured", "messages"),
    ] = "messages"
    filter: Annotated[
        dict[str, str | tuple[str, ...]],
        key("topic, category, user, not_user, object, action: globs", {"category": "git"}),
    ] = {}
    per: Annotated[
        Literal["none", "topic", "category", "user"],
        key("a separate alert for each of them", "none"),
    ] = "none"
    short: Annotated[
        float | str | None,
        key("length of the short window; a number is ticks", "2min", default="by measure"),
    ] = None
    long: Annotated[
        float | str | None,
        key(
            "length of the long window before it; a number is ticks", "20min", default="by measure"
        ),
    ] = None
    threshold: Annotated[
        float | None, key("alert above this multiple of it", 1.5, default="by measure")
    ] = None
    resolution: Annotated[
        float | str | None,
        key("length of a tick; a number is seconds", "10s", default="by measure"),
    ] = None
    minimum: Annotated[
        int | None, key("no alert with fewer messages in the short time", 10, default="by measure")
    ] = None
    hold: Annotated[
        float | str | None,
        key("how long it has to last; a number is seconds", "1min", default="by measure"),
    ] = msgspec.field(default=None, name="for")
    notify: Annotated[str | tuple[str, ...], key("channels of [notify] to notify", ["team"])] = ()
    digest: Annotated[
        str | None,
        key("time for which notifications are collected into one", "1d", default="each at once"),
    ] = None


class NotifyConfig(msgspec.Struct, frozen=True):
    """A channel of alerts (docs/notifications.md); `live.alerts.delivery` checks the values."""

    url: Annotated[
        str | None,
        key(
            "Apprise address; secret: never logged or shown",
            "matrixs://user:token@host/room",
            secret=True,
        ),
    ] = None
    url_file: Annotated[
        str | None, key("file with the address instead", "list.secret", path=True)
    ] = None
    url_env: Annotated[
        str | None, key("environment variable with the address instead", "HUBBUB_LIST_URL")
    ] = None
    people: Annotated[bool, key("its readers may see names of people", True)] = False
    person: Annotated[
        str | None, key("its only reader, who gets private alerts about them here", "ralph")
    ] = None
