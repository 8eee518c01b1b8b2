"""What became of calls of plugins and of their processes: for monitoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hubbub.plugins.process import PluginDiedError, PluginTimeoutError

__all__ = ["PluginCounts", "resident"]


@dataclass(slots=True)
class PluginCounts:
    """Counts since the start of the server.

    Attributes:
        calls: by result: `answered`; `failed`: the function raised, its process did not start,
            or too many calls waited; `timeout`; `died`: its process ended.
        ended: processes that ended before the server did, by reason: `timeout`: ended by hubbub,
            `killed`: by another program or for lack of memory, `died`: by themselves, `asked`: by
            hubbub, as the worker asked for it after an error.
        restarts: processes that took the place of one that had ended.
    """

    calls: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    restarts: int = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count a call; it is answered where the block does not raise."""
        result = "failed"
        try:
            yield
            result = "answered"
        except PluginTimeoutError:
            result = "timeout"
            self.ended["timeout"] += 1
            raise
        except PluginDiedError as error:
            result = "died"
            self.ended["killed" if error.killed else "died"] += 1
            raise
        finally:
            self.calls[result] += 1


def resident(process: int) -> int:
    """Return the resident memory of a process, bytes; 0 where it has ended.

    Args:
        process: its id.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    kilobytes = status.partition("VmRSS:")[2].split(maxsplit=1)
    return int(kilobytes[0]) << 10 if kilobytes else 0
