"""The buses that `hubbub listen` hears: options, configuration, and the sources made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.amqp.settings import Settings
    from hubbub.collector.sources.live import LiveSource

__all__ = ["amqp_brokers", "bus_options", "live_sources"]

C = TypeVar("C", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
#: s between turns of ZeroMQ where messages are only shown. At 1,000 messages a second waking 200
#: times a second took 3.6 % of a core.
_PAUSE_SHOWN = 0.05


def bus_options(command: C) -> C:
    """`--zmq`, `--zmq-bind`, `--amqp`, `--amqp-config` and their certificates, `--topic`."""
    for option in (
        click.option(
            "topics",
            "--topic",
            multiple=True,
            metavar="PREFIX",
            help="Only topics with this prefix, e.g. org.fedoraproject.prod.; repeatable.",
        ),
        click.option(
            "--amqp-key", type=_FILE, metavar="FILE", help="Private key of --amqp-cert, PEM."
        ),
        click.option(
            "--amqp-cert", type=_FILE, metavar="FILE", help="Client certificate for AMQP, PEM."
        ),
        click.option("--amqp-ca", type=_FILE, metavar="FILE", help="CA of the AMQP broker, PEM."),
        click.option(
            "--amqp-config",
            multiple=True,
            type=_FILE,
            metavar="FILE",
            help="AMQP broker, queue and bindings as a fedora-messaging configuration; repeatable.",
        ),
        click.option(
            "--amqp",
            multiple=True,
            metavar="fedora|opensuse|URL",
            help="AMQP broker to consume from, e.g. amqps://user:password@host/vhost; repeatable.",
        ),
        click.option(
            "--zmq-bind",
            multiple=True,
            metavar="ENDPOINT",
            help="Address for ZeroMQ publishers to connect to, e.g. tcp://127.0.0.1:9941; "
            "repeatable.",
        ),
        click.option(
            "--zmq",
            multiple=True,
            metavar="ENDPOINT",
            help="ZeroMQ publisher to connect to, e.g. tcp://bus.example.org:9940; repeatable.",
        ),
    ):
        command = option(command)
    return command


def live_sources(
    app: App,
    options: dict[str, Any],
    topics: Sequence[str],
    max_message: int,
    *,
    shown: bool = False,
) -> list[LiveSource]:
    """Return the sources that the options name, or else the configuration.

    Args:
        app: the configuration.
        options: of the command.
        topics: prefixes; all topics if empty.
        max_message: bytes of the largest body that is kept whole.
        shown: messages are only shown, so that they may arrive a twentieth of a second later.

    Raises:
        UsageError: there is none, or one is named twice or not validly.
    """
    configured = app.config.listen
    given = any(options[name] for name in ("zmq", "zmq_bind", "amqp", "amqp_config"))
    zmq, bind = (options["zmq"], options["zmq_bind"]) if given else (
        configured.zmq, configured.zmq_bind)  # fmt: skip
    sources: list[LiveSource] = []
    if zmq or bind:
        from hubbub.collector.sources.zmq import ZmqSource
        from hubbub.collector.zeromq.receiver import PAUSE

        pause = _PAUSE_SHOWN if shown else PAUSE
        sources.append(ZmqSource(zmq, bind, topics, max_message, pause))
    sources += _amqp(app, options, topics, max_message, given=given)
    if not sources:
        raise UsageError(
            "there is nothing to listen to",
            hint="name a bus: --amqp fedora, --amqp URL, or --zmq tcp://HOST:PORT",
        )
    return sources


def _amqp(
    app: App, options: dict[str, Any], topics: Sequence[str], max_message: int, *, given: bool
) -> list[LiveSource]:
    brokers = amqp_brokers(app, options, given=given)
    if not brokers:
        return []
    from hubbub import __version__
    from hubbub.collector.sources.amqp import AmqpSource

    return [AmqpSource(broker, topics, max_message, __version__) for broker in brokers]


def amqp_brokers(app: App, options: dict[str, Any], *, given: bool) -> list[Settings]:
    """Return the settings of the AMQP brokers.

    Args:
        app: of the command line.
        options: of the command.
        given: whether the options name any bus; otherwise those of the configuration count.

    Raises:
        UsageError: an address or a file is not valid, or a broker is named twice.
    """
    configured = app.config.listen
    addresses = options["amqp"] if given else configured.amqp
    files = options["amqp_config"] if given else tuple(map(Path, configured.amqp_config))
    if not addresses and not files:
        return []
    from hubbub.collector.sources.amqp import Certificates, from_address, from_file

    def path(option: str, setting: str | None) -> Path | None:
        return options[option] or (None if setting is None else Path(setting))

    certificates = Certificates(
        path("amqp_ca", configured.amqp_ca),
        path("amqp_cert", configured.amqp_cert),
        path("amqp_key", configured.amqp_key),
    )
    brokers = [from_address(address, certificates) for address in addresses]
    brokers += [from_file(file, certificates) for file in files]
    for n, broker in enumerate(brokers):
        if any((broker.source, broker.queue) == (b.source, b.queue) for b in brokers[:n]):
            raise UsageError("this broker is named twice", where=broker.address)
    return brokers
