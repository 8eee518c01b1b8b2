"""What `hubbub listen` tells a monitor: options and wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.bus.listener import Listener
    from hubbub.store.loader_process import LoaderProcess

__all__ = ["monitor_options", "monitored"]

C = TypeVar("C", bound=Callable[..., Any])
_HOST = "127.0.0.1"


def monitor_options(command: C) -> C:
    """`--metrics-port N` and `--metrics-host HOST`."""
    for option in (
        click.option(
            "--metrics-host",
            metavar="HOST",
            help=f"The address of --metrics-port. [default: {_HOST}, this machine alone]",
        ),
        click.option(
            "--metrics-port",
            type=int,
            metavar="N",
            help="Answer /healthz and /metrics (Prometheus) on this port. [default: not]",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def monitored(
    app: App,
    listener: Listener,
    loader: LoaderProcess,
    *,
    metrics_port: int | None,
    metrics_host: str | None,
    **_: Any,
) -> Iterator[None]:
    """Answer monitors while the block runs, where that is asked for.

    Raises:
        UsageError: there is no such host or port.
        SourceError: it is taken.
    """
    given = app.config.listen
    port = given.metrics_port if metrics_port is None else metrics_port
    if port is None:
        yield
        return
    from hubbub import __version__
    from hubbub.live.monitor import Monitor
    from hubbub.live.vitals import read_vitals

    host = metrics_host or given.metrics_host or _HOST
    with (
        app.store() as beside,
        Monitor(partial(read_vitals, listener, loader, beside), __version__, port, host),
    ):
        yield
