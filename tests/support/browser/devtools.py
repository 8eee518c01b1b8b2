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
        target = chromium.send("Target.createTarget", url="about:blank")["targetId"]
        attached = chromium.send("Target.attachToTarget", targetId=target, flatten=True)
        chromium.session = attached["sessionId"]
        for domain in ("Page", "Accessibility", "Runtime", "Log", "Network"):
            chromium.send(f"{domain}.enable")
        yield chromium
    finally:
        os.close(to)
        os.close(back)
        process.terminate()
        process.wait(90)
