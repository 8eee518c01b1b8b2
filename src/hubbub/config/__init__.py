"""The configuration file: TOML with defaults for command-line options.

    store = "/var/lib/hubbub"       # folder of the store
    log_format = "json"             # text or json
    log_level = "info"              # lowest level logged: debug, info, warning or error
    by = "users"                    # whom to count: agent or users
    bots = false                    # true: count known programs as people
    bodies = false                  # true: also store the full body of each message
    max_message = "4MiB"            # larger messages are refused; the first 64 KiB are kept

    [project]
    timezone = "Europe/Berlin"      # cuts days, weeks and months, and shows times; default: UTC

    [gather]
    url = "https://…/datagrepper"   # the history service
    jobs = 4                        # parallel requests

    [listen]
    zmq = ["tcp://…:9940"]          # endpoints to connect to
    zmq_bind = []                   # endpoints to bind
    amqp = ["fedora"]               # brokers: fedora, opensuse or amqps://user:password@host/vhost
    amqp_config = []                # configurations of fedora-messaging
    amqp_ca = "ca.pem"              # CA of the brokers, PEM; unset: the system's
    amqp_cert = "client.pem"        # client certificate, PEM
    amqp_key = "client.key"         # its private key, PEM
    topic = ["org.fedoraproject."]  # topic prefixes; empty: all topics
    backfill = "https://…"          # history service that fills gaps; unset: gaps stay
    settle = "10m"                  # how late rows may appear in the history
    metrics_port = 8718             # serve /healthz and /metrics on this port; unset: off
    metrics_host = "127.0.0.1"      # address of that port; another one opens it to other machines

    [engine]
    memory = "2GiB"                 # of the query engine; default: half of the memory there is

    [plugins]                       # only files: plugins = ["karma.py"], above all sections
    files = ["karma.py"]            # Python files with your own queries, views and jobs
    modules = ["team.karma"]        # installed modules, by name
    timeout = "30s"                 # a server ends a call that takes longer
    memory = "1GB"                  # and a process that needs more
    processes = 4                   # at most so many run plugins at once
    from = "now"                    # a new event handler gets later events; "beginning": all

    [serve]
    host = "127.0.0.1"              # address to serve; another one opens it to other machines
    port = 8717
    auth = "tokens"                 # "none": everybody may do everything, on this machine only
    anonymous = "read"              # without a token: read, people (sees names) or none
    hosts = ["stats.example.org"]   # names that the server answers to, besides this machine's
    timeout = "30s"                 # longest time of a query or view
    jobs = 2                        # queries and views that run at once; others wait
    style = "style.toml"            # colours and font of the pictures
    permanent_size = "1GiB"         # of all answers behind permanent links
    frame_ancestors = ["https://…"] # sites that may show pages of the server in a frame
    cors = ["https://…"]            # sites whose scripts may read what everybody may read
    root_path = "/hubbub"           # the prefix under which a proxy serves the server
    public_url = "https://…/hubbub" # its address for links in notifications
    trusted_proxies = ["10.0.0.5"]  # addresses whose X-Forwarded-For and -Proto are believed

    [serve.wrappers]                # own rules of access by handler (docs/serve.md)
    "handle_.*" = "sso.py:login"    # pattern = module:function, or a file; the first match wraps

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

    [hooks.github]                  # takes webhooks in at /hook/github (docs/hooks.md)
    secret = "…"                    # of the sender; a list while it is being changed
    secret_file = "github.secret"   # file with it instead, one a line
    kind = "github"                 # github, gitlab, forgejo, discourse, generic; default: the name
    rules = "hook-rules.toml"       # rules of your own for this hook, before [people] rules
    signature_header = "X-Sum"      # of the kind generic: where the signature is
    insecure = false                # true: accept unsigned deliveries, on this machine only
    repository = "owner/name"       # GitHub: heal gaps from the deliveries that it keeps, …
    organization = "name"           # … or those of an organisation's hook
    hook_id = 12345678              # number of the hook there
    token_file = "github.token"     # token that may read webhooks
    api = "https://api.github.com"  # address of the API

    [servers]                       # other hubbub servers; their queries and views are called by
    builds = "https://…"            # name where there is none of one's own (docs/servers.md)

    [servers.private]               # the same, with a token
    url = "https://…"
    token_file = "private.token"    # a file with a token of that server
    timeout = "20s"                 # for the whole of a call

    [jobs.usage]                    # parameters of a job, as on the command line (docs/jobs.md)
    schedule = "0 3 * * *"          # replaces the job's own; "off": no schedule
    config_start = 2026-01-01

    [usage.wiki]                    # a report at /usage/wiki (docs/serve.md)
    title = "The wiki"              # unset: its name
    topic = ["org.example.wiki.*"]  # globs; unset: the report's name is the topic
    category = []                   # globs; empty: all
    object = []
    action = ["edit"]
    not_user = ["admin"]            # who is not counted

    [[alerts]]                      # an alert rule; repeatable (docs/alerts.md)
    name = "busy"                   # in messages and commands
    measure = "messages"            # or bytes, users, silence, overload, coverage
    filter = { category = "git" }   # topic, category, user, not_user, object, action: globs
    per = "none"                    # or topic, category, user: each for itself
    short = "2min"                  # the average of the last 2 minutes (a number: of ticks) …
    long = "20min"                  # … against that of the 20 minutes before them
    threshold = 1.5                 # alert above this multiple of it
    resolution = "10s"              # length of a tick
    minimum = 10                    # with fewer messages in the short time there is no alert
    for = "1min"                    # how long it has to last
    notify = ["team"]               # channels
    digest = "1d"                   # collect what is sent to them for so long; unset: at once

    [notify]                        # channels of alerts (docs/notifications.md)
    team = "matrixs://…"            # secret: never logged or shown

    [notify.list]                   # the same, with options
    url_file = "list.secret"        # file with the address; or `url`, or `url_env = "VARIABLE"`
    people = false                  # true: its readers may see names of people
    person = "ralph"                # whose own channel it is: gets private alerts about them

Options on the command line take precedence. Paths are relative to the file. An unknown key is an
error.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import inspect

from hubbub.config.places import default_path, default_store, resolve_paths
from hubbub.config.sections import (
    AlertConfig,
    EngineConfig,
    GatherConfig,
    HookConfig,
    ListenConfig,
    NotifyConfig,
    PeerConfig,
    PeopleConfig,
    PluginsConfig,
    ProjectConfig,
    RetentionConfig,
    ServeConfig,
    TrustConfig,
    UsageConfig,
)
from hubbub.errors import UsageError
from hubbub.zones import find

__all__ = [
    "AlertConfig",
    "Config",
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
    "default_path",
    "default_store",
    "load",
]


class Config(msgspec.Struct, frozen=True):
    """The whole file."""

    store: str | None = None
    log_format: Literal["text", "json"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    plugins: PluginsConfig = PluginsConfig()  # or a list: its files
    by: Literal["agent", "users"] | None = None
    bots: bool | None = None
    bodies: bool | None = None
    max_message: str | None = None
    project: ProjectConfig = ProjectConfig()
    gather: GatherConfig = GatherConfig()
    listen: ListenConfig = ListenConfig()
    engine: EngineConfig = EngineConfig()
    serve: ServeConfig = ServeConfig()
    trust: TrustConfig = TrustConfig()
    people: PeopleConfig = PeopleConfig()
    retention: RetentionConfig = RetentionConfig()
    hooks: dict[str, HookConfig] = {}  # by the hook's name
    jobs: dict[str, dict[str, Any]] = {}  # by the job's name
    servers: dict[str, str | PeerConfig] = {}  # by a name of one's own
    usage: dict[str, UsageConfig] = {}  # by the report's name
    alerts: tuple[AlertConfig, ...] = ()
    notify: dict[str, str | NotifyConfig] = {}  # by the channel's name


def _check_keys(value: Any, kind: inspect.Type, file: str, section: str = "") -> None:
    """Raise a UsageError for the first key that is not a field of a struct in `kind`."""
    if isinstance(kind, inspect.UnionType):
        for part in kind.types:
            _check_keys(value, part, file, section)
    elif isinstance(kind, inspect.StructType) and isinstance(value, Mapping):
        fields = {field.encode_name: field.type for field in kind.fields}
        for key, part in value.items():
            name = f"{section}.{key}" if section else str(key)
            if key not in fields:
                raise _unknown_key(key, name, fields, file)
            _check_keys(part, fields[key], file, name)
    elif isinstance(kind, inspect.DictType) and isinstance(value, Mapping):
        for key, part in value.items():
            _check_keys(part, kind.value_type, file, f"{section}.{key}")
    elif isinstance(kind, (inspect.ListType, inspect.VarTupleType)) and isinstance(value, list):
        for number, part in enumerate(value, 1):
            _check_keys(part, kind.item_type, file, f"{section}[{number}]")


def _unknown_key(key: str, name: str, keys: Collection[str], file: str) -> UsageError:
    hint = f"there are: {', '.join(keys)}"
    if matches := difflib.get_close_matches(key, keys, n=1):
        hint = f"did you mean {name.removesuffix(key)}{matches[0]}?"
    return UsageError(f"unknown key {name}", where=file, hint=hint)


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
    if isinstance(table.get("plugins"), list):
        table["plugins"] = {"files": table["plugins"]}
    _check_keys(table, inspect.type_info(Config), str(path))
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise UsageError(f"wrong value: {error}", where=str(path)) from None
    if config.project.timezone is not None:
        try:
            find(config.project.timezone)
        except ValueError as error:
            name = config.project.timezone
            raise UsageError(f"project.timezone: {name!r}: {error}", where=str(path)) from None
    return resolve_paths(config, path.resolve().parent)
