"""Names of people in live views, or the numbers that stand for them."""

from __future__ import annotations

import re

from hubbub.collector.event import Event

__all__ = ["Numbered"]

_MAX = 10_000  # people who get a number of their own
_PARTS = re.compile(r"([/.,\s]+)")


class Numbered:
    """Names people, or numbers them in the order in which they appear: `person 1`.

    Args:
        names: whether they are named.
    """

    def __init__(self, *, names: bool) -> None:
        self.names = names
        self._people: dict[str, str] = {}

    def name(self, user: str) -> str:
        """Return how a user is shown."""
        if self.names:
            return user
        known = self._people.get(user)
        if known is None:
            if len(self._people) >= _MAX:
                return "someone"
            known = self._people[user] = f"person {len(self._people) + 1}"
        return known

    def actor(self, event: Event) -> str | None:
        """Return how the one who acted is shown: the agent, else the first user, if any."""
        user = event.agent or next(iter(event.users), None)
        return None if user is None else self.name(user)

    def hide(self, text: str, event: Event) -> str:
        """Return an object or a topic of an event without the users who are in it as words.

        These are the users of the event, and those who were seen before.
        """
        if self.names or not text:
            return text
        own = sorted({event.agent or "", *event.users} - {""}, key=len, reverse=True)
        for user in own:
            if user in text:
                word = rf"(?<!\w){re.escape(user)}(?!\w)"
                text = re.sub(word, self.name(user), text)
        return "".join(self._people.get(part, part) for part in _PARTS.split(text))
