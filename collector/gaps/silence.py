"""How often an endpoint usually speaks, and whether its silence is out of character.

Comes in: how many messages came in a while. Goes out: whether it has been quiet for so long that a
loss has to be suspected. Pure; it knows no clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Habit"]

_MEMORY = 3600.0  # s; a bus is ten times quieter at night, and does not fall asleep in minutes
_KNOWN = 600.0  # s of listening, and
_MESSAGES = 100  # messages, before there is a habit
_PAUSES = 30  # usual pauses; chance makes none so long: e**-30
_LEAST = 30.0  # s


@dataclass(slots=True)
class Habit:
    """Of one endpoint; `quiet` is the seconds since it spoke last."""

    quiet: float = 0.0
    messages: int = 0
    _age: float = 0.0
    _weight: float = 0.0  # messages, the older the less they count

    def take(self, messages: int, seconds: float) -> None:
        """`messages` came within the last `seconds`."""
        self.messages += messages
        if messages:
            self.quiet = 0.0
        else:
            self.quiet += seconds
            if self.silent:
                return  # a silence out of character does not become the character
        self._age += seconds
        self._weight = self._weight * math.exp(-seconds / _MEMORY) + messages

    @property
    def rate(self) -> float:
        """Messages a second, mostly of the last hour."""
        return self._weight / (_MEMORY * (1 - math.exp(-max(self._age, 1e-6) / _MEMORY)))

    @property
    def silent(self) -> bool:
        """Whether the silence is longer than its habit explains."""
        if self._age < _KNOWN or self.messages < _MESSAGES or not self.rate:
            return False
        return self.quiet > max(_LEAST, _PAUSES / self.rate)
