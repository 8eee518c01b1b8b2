"""Sends one message at a time in a process of its own, which is ended when it takes too long."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, Literal, Protocol

from hubbub.closeable import Closeable
from hubbub.errors import UsageError

__all__ = ["AppriseSender", "Outcome", "Sender", "require_apprise"]

_LIMIT = 60.0  # s for one message
_START = 60.0  # s until the process is ready
_STOP = 2.0  # s for the process to end by itself
_IDLE = 60.0  # s after which the process is ended, as it holds memory


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message.

    Attributes:
        state: `sent`; `refused`: the service does not have it; `unsure`: it may have it.
        why: it was not sent, without secrets.
    """

    state: Literal["sent", "refused", "unsure"]
    why: str = ""


class Sender(Protocol):
    """Sends messages."""

    def send(self, url: str, title: str, body: str) -> Outcome:
        """Send a message to a channel."""

    def idle(self) -> None:
        """Release what is not needed for a while; called between rounds."""

    def close(self) -> None:
        """Release everything."""


def require_apprise() -> None:
    """Check that Apprise is installed, without importing it.

    Raises:
        UsageError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("apprise") is None:
        raise UsageError(
            "notifications need Apprise",
            where="[notify]",
            hint='install it: pip install "hubbub[notify]"',
        )


class AppriseSender(Closeable):
    """Sends by `apprise_worker`.

    Args:
        limit: seconds for one message.
    """

    def __init__(self, limit: float = _LIMIT) -> None:
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None
        self._used = 0.0

    def send(self, url: str, title: str, body: str) -> Outcome:
        """Send a message; of a process that dies or takes too long it is not known what it sent."""
        return self._ask(url, title, body)

    def check(self, url: str) -> Outcome:
        """Check that Apprise can read an address; nothing is sent."""
        return self._ask(url, "", None)

    def _ask(self, url: str, title: str, body: str | None) -> Outcome:
        try:
            process = self._started()
        except OSError as error:
            return Outcome("refused", f"the sending process does not start: {error.strerror}")
        if process is None:
            return Outcome("refused", "the sending process does not start")
        assert process.stdin is not None
        assert process.stdout is not None
        self._used = time.monotonic()
        request = json.dumps({"url": url, "title": title, "body": body})
        try:
            process.stdin.write(request.encode() + b"\n")
            process.stdin.flush()
        except OSError:
            self.close()
            return Outcome("refused", "the sending process has ended")
        answer = _line(process.stdout, self._limit)
        self._used = time.monotonic()
        if answer is None:
            self.close()
            return Outcome("unsure", f"no answer of the service within {self._limit:.0f} s")
        if not answer:
            self.close()
            return Outcome("unsure", "the sending process ended meanwhile")
        document = json.loads(answer)
        return Outcome(document["outcome"], document["why"])

    def idle(self) -> None:
        """End the process if it was not used for a minute."""
        if self._process is not None and time.monotonic() - self._used > _IDLE:
            self.close()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.close()
        except OSError:  # it has ended, and cannot be written to
            process.kill()
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _started(self) -> subprocess.Popen[bytes] | None:
        """Return the process, ready; None if it ended at once."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        command = [sys.executable, "-m", "hubbub.live.alerts.delivery.apprise_worker"]
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its errors contain addresses
            start_new_session=True,  # not interrupted by a terminal: it finishes what it sends
        )
        assert self._process.stdout is not None
        if _line(self._process.stdout, _START) != b"ready\n":
            self.close()
            return None
        return self._process


def _line(stream: IO[bytes], seconds: float) -> bytes | None:
    """Return the next line, empty at the end of the stream; None after too long.

    The process writes a line as a whole once it has one, and a line fits into a pipe.
    """
    ready, _, _ = select.select([stream], [], [], seconds)
    return stream.readline() if ready else None
