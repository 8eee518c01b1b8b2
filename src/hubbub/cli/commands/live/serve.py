"""`hubbub serve`: answer queries, views and plugins over HTTP until stopped."""

from __future__ import annotations

import gc
import logging
import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.mirror import mirror_process
from hubbub.cli.options.retention import retention_settings
from hubbub.errors import UsageError

if TYPE_CHECKING:
    import socket

    from hubbub.live.server.settings import ServeSettings

__all__ = ["serve"]

_LOAD_EVERY = 2.0  # s
_SWITCH = 0.001  # s for which a query keeps the interpreter, while the event loop waits for it


@common_options
@click.command(name="serve")
@click.option("--host", metavar="ADDRESS", help="Address to serve. [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port; 0: any free one. [default: 8717]"
)
@click.option(
    "--auth",
    type=click.Choice(["tokens", "none"]),
    help="none: every client may do everything, on this machine only. [default: tokens]",
)
@click.option(
    "--root-path", metavar="PATH", help="Prefix under which a proxy serves the server: /hubbub."
)
@pass_app
def serve(app: App, /, **options: Any) -> None:
    """Answer queries, views and plugins over HTTP, until stopped.

    Everything that the command line answers is at /query/NAME and /view/NAME, with the same
    parameters. Without a token, aggregates are answered and people are not named, unless [serve]
    anonymous says otherwise.
    """
    import uvicorn

    from hubbub.live.alerts.delivery.service import Notifications, notify_settings
    from hubbub.live.alerts.runner import Alerting
    from hubbub.live.server.app import build
    from hubbub.live.server.background.following import Following
    from hubbub.live.server.background.loading import Loading, loading_faults
    from hubbub.live.server.protection.connections import allow_open_files, uvicorn_options
    from hubbub.live.server.server import Server
    from hubbub.live.server.settings import serve_settings
    from hubbub.plugins import load_builtins
    from hubbub.store.loader_process import LoaderProcess

    set_up_logging = app.configure_logging(level=logging.INFO)
    settings = serve_settings(app.config, **options)
    app.check_rules()
    load_builtins()
    listener = _bind(settings)
    server = Server(
        app.store_folder,
        app.config,
        settings,
        plugin_files=app.functions.every_file(app.config.plugins),
    )
    loader = LoaderProcess(
        app.store_folder,
        app.reader_config,
        keep=retention_settings(app),
        prepare=set_up_logging,
        after=Alerting.of(app.config),
        every=_LOAD_EVERY,
    )
    if app.mirror_url is None:
        server.checks.append(partial(loading_faults, loader))
        server.services.append(Notifications(app.store_folder, notify_settings(app.config)))
        server.services.insert(0, Loading(loader))  # stops last, when all is in the spool
        if (mirror := mirror_process(app, set_up_logging)) is not None:
            server.services.append(Loading(mirror))
    else:
        server.services.append(Following(app.store_folder))
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    store = app.mirror_url or str(app.store_folder)
    server.log.info("serving", url=url, auth=settings.auth, store=store)
    if settings.auth == "none":
        server.log.warning(
            "every client on this machine may do everything", hint="use --auth tokens"
        )
    server.warmed = _spare_the_collector
    allow_open_files()
    sys.setswitchinterval(_SWITCH)
    config = uvicorn.Config(build(server), **uvicorn_options(settings))
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again when all has ended
        uvicorn.Server(config).run(sockets=[listener])
    if server.engines.abandoned:
        # the interpreter would wait for their threads, or abort when it ends under native code
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _spare_the_collector() -> None:
    """Exempt what is loaded from garbage collection: it lasts, and each pass over it is a pause."""
    gc.collect()
    gc.freeze()


def _bind(settings: ServeSettings) -> socket.socket:
    """Bind the address.

    Raises:
        UsageError: it is in use, or is none of this machine.
    """
    import socket

    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # asyncio disables Nagle's algorithm only where the protocol is stated: without, an answer
        # waits 40 ms for the client's acknowledgement
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise UsageError(
            f"cannot serve this address: {error.strerror or error}",
            where=f"{settings.host}:{settings.port}",
            hint="choose another with --host or --port",
        ) from None
    return listener
