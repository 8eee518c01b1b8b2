"""`hubbub doctor`: check what listening and gathering need, and say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.buses import amqp_brokers, bus_options
from hubbub.errors import HubbubError, SourceError

if TYPE_CHECKING:
    from hubbub.collector.amqp.settings import Settings
    from hubbub.diagnosis.check import Check

__all__ = ["doctor"]

_MARKS = {"ok": "ok     ", "unknown": "?      ", "warning": "warning", "failed": "FAILED "}


@common_options
@click.command(name="doctor")
@bus_options
@click.option("--url", metavar="URL", help="History service to try. [default: the configured one]")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@pass_app
def doctor(app: App, /, *, as_json: bool, url: str | None, **options: Any) -> int:
    """Check Python, disk, clock, configuration, and that each source can be reached.

    Tries the buses that the options name, or else those of the configuration: does each answer, and
    does it speak what it should; are certificates valid, and for how long; does history answer. Of
    configured webhooks: are they complete, and were GitHub's last deliveries taken. Of the mirror:
    can it be read and written, and how far is it behind. Nothing is consumed, and nothing is
    created at a broker. Exits with 4 if a check failed.
    """
    from hubbub.diagnosis.check import Level

    checks = []
    for check in _checks(app, url, options):
        checks.append(check)
        if not as_json:
            click.echo(f"{_MARKS[check.level]}  {check.name}: {check.what}")
            if check.hint:
                click.echo(f"{'':9}{check.hint}")
    if as_json:
        from hubbub.cli.output.formats import dumps

        click.echo(dumps([asdict(check) for check in checks], indent=2))
    failed = sum(check.level is Level.FAILED for check in checks)
    if not as_json:
        click.echo(f"{failed} of {len(checks)} checks failed" if failed else "no check failed")
    return SourceError.exit_code if failed else 0


def _checks(app: App, url: str | None, options: dict[str, Any]) -> Iterator[Check]:
    from hubbub.diagnosis import sources
    from hubbub.diagnosis.check import Check, Level, from_error
    from hubbub.diagnosis.machine import check_clock, check_python, check_store

    yield check_python()
    try:
        configured = app.config
        app.configure_logging()
        app.check_rules()
    except HubbubError as error:
        yield from_error("configuration", error)
        return
    yield Check("configuration", Level.OK, "valid, with the files that it names")
    if app.mirror_url is None:
        yield check_store(app.store_folder)
    yield check_clock()
    yield from _mirror(app)
    given = any(options[name] for name in ("zmq", "zmq_bind", "amqp", "amqp_config"))
    zmq = options["zmq"] if given else configured.listen.zmq
    try:
        brokers = amqp_brokers(app, options, given=given)
    except HubbubError as error:
        yield from_error("AMQP", error)
        brokers, given = [], True
    if zmq:
        yield from sources.check_zmq(zmq)
    for broker in brokers:
        certificates = sources.check_certificates(broker)
        if certificates is not None:
            yield certificates
        yield sources.check_amqp(broker, broker.queue or _remembered(app, broker))
    history = url or configured.listen.backfill or configured.gather.url
    if history:
        yield from sources.check_history(history)
    hooks = list(_hooks(app)) if not given else []
    yield from hooks
    if not given and not zmq and not brokers and not history and not hooks:
        hint = "try one: hubbub doctor --amqp fedora, or --zmq tcp://HOST:PORT"
        yield Check("sources", Level.UNKNOWN, "none is configured or named", hint)


def _mirror(app: App) -> Iterator[Check]:
    """Check the mirror that is read, or the one that `[mirror]` configures."""
    from hubbub.diagnosis.check import Check, Level, from_error
    from hubbub.diagnosis.mirror import LAG, check_lag, check_mirror

    url = app.mirror_url or app.config.mirror.url
    if url is None:
        return
    found = list(check_mirror(url, writing=app.mirror_url is None))
    yield from found
    if app.mirror_url is None and found[0].level is Level.OK:
        try:
            if app.store_folder.exists():
                with app.reading(load=False) as store:
                    yield check_lag(url, store)
        except PermissionError as error:  # the folder is in one that is another account's
            yield Check(LAG, Level.UNKNOWN, f"{app.store_folder}: {error.strerror}")
        except HubbubError as error:
            yield from_error(LAG, error)


def _hooks(app: App) -> Iterator[Check]:
    """Check the configured webhooks, if there are any: the server is needed for them only."""
    if not app.config.hooks:
        return
    from hubbub.diagnosis.hooks import check_hooks
    from hubbub.live.server.settings import is_loopback, serve_settings

    host = serve_settings(app.config).host
    yield from check_hooks(app.config, loopback=is_loopback(host))


def _remembered(app: App, broker: Settings) -> str:
    """Return the queue that the store remembers for a broker; empty if there is none."""
    from hubbub.collector.amqp.bindings import queue_key

    if not app.store_folder.exists():
        return ""
    with app.reading(load=False) as store:
        known = store.state.get(queue_key(broker.source)) or {}
    return str(known.get("name", ""))
