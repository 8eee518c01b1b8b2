"""Health and metrics endpoints of `hubbub listen`: options and set-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.listening.listener import Listener
    from hubbub.store.handover.outgoing import SpoolOnly
    from hubbub.store.loader_process import LoaderProcess

__all__ = ["monitor_options", "serve_metrics"]

C = TypeVar("C", bound=Callable[..., Any])
_HOST = "127.0.0.1"


def monitor_options(command: C) -> C:
    """`--metrics-port N` and `--metrics-host HOST`."""
    for option in (
        click.option(
            "--metrics-host",
            metavar="HOST",
            help=f"Address of --metrics-port. [default: {_HOST}, this machine only]",
        ),
        click.option(
            "--metrics-port",
            type=int,
            metavar="N",
            help="Serve /healthz and /metrics (Prometheus) on this port. [default: off]",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def serve_metrics(
    app: App,
    listener: Listener,
    loader: LoaderProcess | SpoolOnly,
    *,
    metrics_port: int | None,
    metrics_host: str | None,
    **_: Any,
) -> Iterator[None]:
    """Serve /healthz and /metrics while the block runs, if a port is given or configured.

    Raises:
        UsageError: there is no such host or port.
        SourceError: the port is in use.
    """
    configured = app.config.listen
    port = configured.metrics_port if metrics_port is None else metrics_port
    if port is None:
        yield
        return
    from hubbub import __version__
    from hubbub.live.monitor import Monitor
    from hubbub.live.vitals import read_vitals

    host = metrics_host or configured.metrics_host or _HOST
    with (
        app.store() as store,  # the monitor's threads must not share the listener's connection
        Monitor(partial(read_vitals, listener, loader, store), __version__, port, host),
    ):
        yield
