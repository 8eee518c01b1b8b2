"""The text of notifications: plain, bounded, and without anything that a reader's program acts on.

Names of topics and people come from messages of strangers. A service may ping everybody for `@all`,
follow `<!channel>`, and make addresses clickable; such characters are replaced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hubbub.live.alerts.delivery.outbox import Message, Pending
from hubbub.live.alerts.wording import Shown, shown
from hubbub.store.state.alerts import RAISED
from hubbub.times import from_micros
from hubbub.zones import UNIVERSAL, Zone

__all__ = ["Wording"]

_LISTED = 20  # alerts of a summary
_TITLE = 150  # characters
_LATE = 600_000_000  # µs between noticing and sending
_HARMLESS = str.maketrans({"@": "(at)", "<": "[", ">": "]", "`": "'"})


@dataclass(frozen=True, slots=True)
class Wording:
    """Writes notifications.

    Attributes:
        address: of the server, without a slash at its end; the permanent links begin with it.
        zone: in which times are written.
    """

    address: str
    zone: Zone = field(default=UNIVERSAL)

    def of(self, message: Message, now: int) -> tuple[str, str]:
        """Return title and body.

        Args:
            message: to be sent.
            now: µs since the epoch.
        """
        if len(message.items) == 1 and not message.digest:
            [item] = message.items
            return self._one(_seen(message, item), item, now)
        return self._several([_seen(message, item) for item in message.items], message)

    def _one(self, change: Shown, item: Pending, now: int) -> tuple[str, str]:
        title = _harmless(change.title)[:_TITLE]
        what = "Raised" if change.state == RAISED else "Ended"
        lines = [f"{what}: {_harmless(change.text)}"]
        if item.silence is not None:
            number, author, ends = item.silence
            lines.insert(
                0,
                f"Still on: silence {number} by {_harmless(author[:80])} ended {self._time(ends)}",
            )
        if change.subject:
            lines.append(f"Subject: {_harmless(change.subject)}")
        lines.append(f"Rule: {_harmless(change.rule)}")
        since = "Since" if change.state == RAISED else "At"
        lines.append(f"{since}: {self._time(change.time)}")
        if now - item.change.detected > _LATE:
            lines.append(f"Sent late: noticed {self._time(item.change.detected)}")
        lines.append(f"Alert {change.number}: {self._link(change.number)}")
        return title, "\n".join(lines)

    def _several(self, changes: Sequence[Shown], message: Message) -> tuple[str, str]:
        states = Counter(change.state for change in changes)
        raised, ended = states[RAISED], len(changes) - states[RAISED]
        counted = [f"{n:,} {word}" for n, word in ((raised, "raised"), (ended, "ended")) if n]
        rules = sorted({change.rule for change in changes})
        named = rules[0] if len(rules) == 1 else f"{len(rules)} rules"
        title = _harmless(f"Alerts of {named}: {', '.join(counted)}")[:_TITLE]
        lines = [
            f"{self._time(change.time)} {_harmless(change.title)} ({_harmless(change.text)}) "
            f"{self._link(change.number)}"
            for change in changes[:_LISTED]
        ]
        if len(changes) > _LISTED:
            lines.append(f"and {len(changes) - _LISTED:,} more: {self.address}/alerts")
        if message.digest:
            lines.insert(0, f"Collected since {self._time(message.items[0].change.detected)}:")
        return title, "\n".join(lines)

    def _link(self, number: int) -> str:
        return f"{self.address}/alerts/{number}"

    def _time(self, micros: int) -> str:
        return f"{self.zone.local(from_micros(micros)):%Y-%m-%d %H:%M:%S %Z}"


def _seen(message: Message, item: Pending) -> Shown:
    channel = message.channel
    return shown(
        item.change, number=item.change.number, names=channel.people, person=channel.person
    )


def _harmless(text: str) -> str:
    """Replace what programs of readers act on; the text is clean otherwise."""
    return text.translate(_HARMLESS).replace("://", ": //")
