"""A bus for testing plugins: publish messages, then run queries and views on them.

    def test_karma(tmp_path):
        with FakeBus(tmp_path) as bus:
            bus.publish("org.example.prod.bodhi.update.comment", users=["ana"])
            assert bus.query("karma").data == [{"user": "ana", "comments": 1}]

Messages are processed like real ones: spool, decoding, people rules, table.
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
    """A simulated bus, with a store that receives its messages.

    Args:
        folder: an empty folder, in which the store is created.
        start: time of the first message published without a time.
    """

    def __init__(self, folder: Path, start: datetime = _START) -> None:
        self.store = Store.open(folder / "store")
        self._sink = self.store.spool("fake")
        self._next_time = start
        self._published = self._loaded = 0

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
        """Publish a message.

        Args:
            topic: the full topic.
            body: the payload.
            users: the users named; None: the people rules extract them from `body`.
            objects: the objects touched; used only with `users`.
            agent: the user who acted; used only with `users`.
            time: an aware time; by default one minute after the previous message.
            identity: the message id; by default a new one.

        Returns:
            The message id.
        """
        self._published += 1
        identity = identity or f"fake-{self._published}"
        when = time or self._next_time
        self._next_time = when + _STEP
        if users is None:
            kind = "zmq"
            message: dict[str, Any] = {
                "i": self._published,
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
        self._sink.put(Frame(f"{kind}:fake", arrived, topic.encode(), encoded, self._published))
        return identity

    def load(self) -> None:
        """Load all published messages into the store; `query` and `view` do this themselves.

        Raises:
            UsageError: a message was refused; the text states the reason.
        """
        if self._loaded == self._published:
            return
        self._sink.flush()
        loaded = self.store.load()
        self._loaded = self._published
        if loaded.refused:
            raise UsageError(f"a published message was refused: {', '.join(loaded.refused)}")

    @property
    def runner(self) -> Runner:
        """A runner of all queries and views, built-in and registered, on the published messages."""
        from hubbub.plugins import load_builtins
        from hubbub.run.runner import Runner

        load_builtins()
        self.load()
        return Runner(self.store)

    def query(self, name: str, /, **parameters: Any) -> Result:
        """Run a query and return its result."""
        return self.runner.query(name, **parameters)

    def view(self, name: str, /, **parameters: Any) -> Any:
        """Draw a view and return it."""
        return self.runner.view(name, **parameters)

    def close(self) -> None:
        """Close the store."""
        self._sink.close()
        self.store.close()
