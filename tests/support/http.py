"""A server in a thread of the test, on a port of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import uvicorn

from hubbub.config import Config
from hubbub.live.server.app import build
from hubbub.live.server.protection.connections import Limits, uvicorn_options
from hubbub.live.server.server import Server
from hubbub.live.server.settings import ServeSettings, serve_settings
from hubbub.plugins import load_builtins

__all__ = ["Served", "serving"]


@dataclass(frozen=True)
class Served:
    """A running server, and a session for requests to it."""

    url: str
    server: Server
    session: requests.Session

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET a path."""
        return self.session.get(self.url + path, timeout=60, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """POST to a path."""
        return self.session.post(self.url + path, timeout=60, **options)


@contextmanager
def serving(
    store: Path,
    *,
    config: Config | None = None,
    settings: ServeSettings | None = None,
    limits: Limits | None = None,
    plugins: Sequence[Path] = (),
    **options: Any,
) -> Iterator[Served]:
    """Serve a store while the block runs.

    Args:
        store: its folder; created if it does not exist.
        config: the configuration.
        settings: by default those of the configuration and the options.
        limits: of the connections.
        plugins: files with plugins.
        options: of `serve_settings`.
    """
    load_builtins()
    config = config or Config()
    settings = settings or serve_settings(config, **{"port": 0, "auth": "none", **options})
    ready: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            server = Server(store, config, settings, plugin_files=plugins)
            made = uvicorn.Server(
                uvicorn.Config(
                    build(server), host=settings.host, port=settings.port,
                    **uvicorn_options(settings, limits),
                )
            )  # fmt: skip
            ready.extend((server, made))
            made.run()
        except BaseException as error:  # noqa: BLE001 - raised again by the test's thread
            failed.append(error)

    thread = threading.Thread(target=run, name="serve")
    thread.start()
    end = time.monotonic() + 90
    while not (len(ready) == 2 and ready[1].started):
        if failed or not thread.is_alive() or time.monotonic() > end:
            raise failed[0] if failed else RuntimeError("the server does not start")
        time.sleep(0.01)
    server, made = ready
    host, port = made.servers[0].sockets[0].getsockname()[:2]
    with requests.Session() as session:
        try:
            yield Served(f"http://{host}:{port}", server, session)
        finally:
            made.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the server does not stop"
