"""`hubbub mirror`: copy the tables to an object store, for clusters and other readers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.signals import stop_signal
from hubbub.errors import UsageError
from hubbub.language.plurals import plural

if TYPE_CHECKING:
    from hubbub.cli.signals import StopSignal
    from hubbub.store import Store
    from hubbub.store.mirror.mirror import Mirror

__all__ = ["mirror"]


@common_options
@click.command(name="mirror")
@click.argument("url", required=False)
@click.option("--once", is_flag=True, help="End when the mirror has everything.")
@click.option("--drop", is_flag=True, help="Stop keeping files that wait for the mirror.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print the result as JSON.")
@pass_app
def mirror(app: App, /, url: str | None, *, once: bool, drop: bool, as_json: bool) -> None:
    """Keep a copy of the tables at URL: s3://BUCKET/PATH, or file:///PATH on a shared mount.

    Without URL that of [mirror] in the configuration, which listen and serve keep up to date.
    Credentials are those that AWS' own tools would use; AWS_ENDPOINT_URL names another object
    store. Several stores may have the same mirror: it holds each event once.

    Runs until it is stopped, or with --once until nothing waits. What cannot be copied now waits in
    the store. Merges of accounts, retention and forgotten names reach the mirror, too. It is read
    with --store URL.
    """
    from hubbub.store.mirror.mirror import Mirror

    app.configure_logging(level=logging.WARNING if once else logging.INFO)
    url = url or app.config.mirror.url
    if url is None:
        raise UsageError("no mirror is given or configured", hint="hubbub mirror s3://BUCKET/PATH")
    with app.store() as store:
        app.load(store)
        if drop:
            _drop(store, url)
            return
        copy = Mirror(store, url)
        with copy.lock() as acquired, stop_signal() as stop:
            if not acquired:
                raise UsageError(
                    "another process updates this mirror",
                    where=copy.place.url,
                    hint="listen and serve do so where [mirror] url is configured",
                )
            if once:
                _once(app, copy, stop, as_json=as_json)
            else:
                copy.run(stop.is_set, stop.wait, every=app.config.mirror.seconds)


def _once(app: App, copy: Mirror, stop: StopSignal, *, as_json: bool) -> None:
    """Copy until nothing waits."""
    from hubbub.store.mirror.failures import ConflictError

    new = known = 0
    while not stop.is_set():
        try:
            done = copy.step(stop.is_set)
        except ConflictError:
            continue
        new, known = new + done.new, known + done.known
        if not done.waiting and not done.more:
            break
    left = copy.waiting()
    facts = {"new": new, "known": known, "waiting": left}
    if as_json:
        app.print_facts({"url": copy.place.url, **facts}, as_json=True)
        return
    events = plural(new, "event is", "events are")
    click.echo(f"{events} new to the mirror, {plural(known, 'was', 'were')} known")
    if left:
        click.echo(f"{plural(left, 'file waits', 'files wait')}: the mirror was stopped")


def _drop(store: Store, url: str) -> None:
    """Forget that the store has a mirror."""
    from hubbub.store.mirror.place import Place
    from hubbub.store.stream import outgoing, stream

    place = Place(url)
    if not outgoing.outgoing(store.state, place.url):
        raise UsageError("this store has no such mirror", where=place.url)
    with store.loader_lock():
        outgoing.drop(store.state, store.path / stream.FOLDER, place.url)
    click.echo(f"nothing waits for {place.url} any longer; what is there stays there")
