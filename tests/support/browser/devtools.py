"""Control Chromium through its DevTools protocol over two pipes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--remote-debugging-pipe",
)
#: What the console has to say: violations of the policy, failed requests, errors.
COMPLAINTS = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
#: The browser reads from descriptor 3 and writes to 4; a shim moves the pipes there.
SHIM = """
import os, sys
reads, writes, *command = sys.argv[1:]
os.dup2(int(reads), 3)
os.dup2(int(writes), 4)
os.execvp(command[0], command)
"""


class Browser:
    """A connection that sends one command at a time; `events` collects the browser's events."""

    def __init__(self, to: int, back: int) -> None:
        self.to, self.back = to, back
        self.rest, self.number = b"", 0
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []

    def message(self) -> dict[str, Any]:
        """Read the next message of the browser."""
        while b"\0" not in self.rest:
            part = os.read(self.back, 1 << 16)
            assert part, "the browser ended"
            self.rest += part
        text, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self.number += 1
        request: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to, json.dumps(request).encode() + b"\0")
        while (message := self.message()).get("id") != self.number:
            self.events.append(message)
        assert "error" not in message, (method, message)
        result: dict[str, Any] = message["result"]
        return result

    def visit(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self.events.clear()
        self.send("Page.navigate", url=url)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.message())

    @contextmanager
    def fresh_page(self) -> Iterator[Browser]:
        """Use an empty page with cookies, a cache and settings of its own; close it afterwards."""
        before, self.session = self.session, None
        context = self.send("Target.createBrowserContext")["browserContextId"]
        self._attach(browserContextId=context)
        try:
            yield self
        finally:
            self.session = None
            self.send("Target.disposeBrowserContext", browserContextId=context)
            self.session = before
            self.events.clear()

    def _attach(self, **options: Any) -> None:
        """Open an empty page; later commands are for this page."""
        target = self.send("Target.createTarget", url="about:blank", **options)["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Accessibility", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def screen(self, *, width: int = 1100, dark: bool = False, reduced: bool = False) -> None:
        """Give the window a width in pixels, and the reader a theme and less motion."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip
        features = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if reduced else "no-preference",
        }
        pairs = [{"name": name, "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=pairs)

    def complaints(self) -> list[dict[str, Any]]:
        """Return what the console had to say since the visit."""
        return [event for event in self.events if event.get("method") in COMPLAINTS]

    def requested(self) -> list[str]:
        """Return the addresses that were requested since the visit."""
        urls = [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("about:", "data:"))]

    def methods(self) -> list[str]:
        """Return the names of the events since the visit."""
        return [str(e.get("method")) for e in self.events]

    def tree(self) -> list[dict[str, Any]]:
        """Return the nodes of the accessibility tree that assistive technology sees."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        return [node for node in nodes if not node["ignored"]]


def _high(descriptor: int) -> int:
    """Move a descriptor to 10 or above: the shim needs 3 and 4."""
    new = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10)
    os.close(descriptor)
    return new


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A headless Chromium with one empty page."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    (reads, to), (back, writes) = (map(_high, os.pipe()) for _ in range(2))
    process = subprocess.Popen(
        [sys.executable, "-c", SHIM, str(reads), str(writes), program, *FLAGS,
         f"--user-data-dir={profile}"],
        pass_fds=(reads, writes), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(reads)
    os.close(writes)
    try:
        chromium = Browser(to, back)
        chromium._attach()
        yield chromium
    finally:
        os.close(to)
        os.close(back)
        process.terminate()
        process.wait(90)
