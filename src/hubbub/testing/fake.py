"""A bus for the tests of a plugin: messages that the test makes up, in a store of its own.

    def test_karma(tmp_path):
        with FakeBus(tmp_path) as bus:
            bus.publish("org.example.prod.bodhi.update.comment", users=["ana"])
            assert bus.query("karma").data == [{"user": "ana", "comments": 1}]

The messages take the way of real ones: spool, decoding, people rules, table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.closeable import Closeable
from hubbub.collector.event import Frame
from hubbub.errors import UsageError
from hubbub.store import Store
from hubbub.times import iso, to_micros

if TYPE_CHECKING:
    from hubbub.analyzers.result import Result
    from hubbub.run.runner import Runner

__all__ = ["FakeBus"]

_START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
_STEP = timedelta(minutes=1)


class FakeBus(Closeable):
    """A bus that a test speaks on, and the store that heard it.

    Args:
        folder: an empty folder; the store is made in it.
        start: when the first message comes that names no time; each further one a minute later.
    """

    def __init__(self, folder: Path, start: datetime = _START) -> None:
        self.store = Store.open(folder / "store")
        self._sink = self.store.spool("fake")
        self._next, self._count, self._loaded = start, 0, 0

    def publish(
        self,
        topic: str,
        body: Mapping[str, Any] | None = None,
        *,
        users: Sequence[str] | None = None,
        objects: Sequence[str] = (),
        agent: str | None = None,
        time: datetime | None = None,
        identity: str | None = None,
    ) -> str:
        """Say something.

        Args:
            topic: the full topic.
            body: the payload.
            users: whom the message names; None leaves that to the people rules and `body`.
            objects: what was touched, where `users` is given.
            agent: who did it, where `users` is given.
            time: aware; by default a minute after the one before.
            identity: the message's id; by default a new one.

        Returns:
            The message's id.
        """
        self._count += 1
        identity = identity or f"fake-{self._count}"
        when = time or self._next
        self._next = when + _STEP
        if users is None:
            kind = "zmq"
            message: dict[str, Any] = {
                "i": self._count,
                "msg": body or {},
                "msg_id": identity,
                "timestamp": to_micros(when) / 1e6,
                "topic": topic,
                "username": "fake",
            }
        else:
            kind = "jsonl"
            message = {
                "id": identity,
                "timestamp": iso(when),
                "topic": topic,
                "users": list(users),
                "objects": list(objects),
                "agent": agent,
                "body": body or {},
            }
        encoded = msgspec.json.encode(message)
        arrived = to_micros(when)
        self._sink.put(Frame(f"{kind}:fake", arrived, topic.encode(), encoded, self._count))
        return identity

    def load(self) -> None:
        """Put everything said so far into the table; `query` and `view` do it by themselves.

        Raises:
            UsageError: a message that hubbub refuses; says why.
        """
        if self._loaded == self._count:
            return
        self._sink.flush()
        loaded = self.store.load()
        self._loaded = self._count
        if loaded.refused:
            raise UsageError(f"a message of the test was refused: {', '.join(loaded.refused)}")

    @property
    def runner(self) -> Runner:
        """Runs queries and views over what was said; built-in and registered ones."""
        from hubbub.plugins import load_builtins
        from hubbub.run.runner import Runner

        load_builtins()
        self.load()
        return Runner(self.store)

    def query(self, name: str, **parameters: Any) -> Result:
        """Run a query."""
        return self.runner.query(name, **parameters)

    def view(self, name: str, **parameters: Any) -> Any:
        """Draw a view."""
        return self.runner.view(name, **parameters)

    def close(self) -> None:
        """Close the store."""
        self._sink.close()
        self.store.close()
