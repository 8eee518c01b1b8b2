"""How frames become events, as settings that fit on a command line and into another process.

Comes in: paths of a user's files. Goes out: a `Reader`, a function from a frame to an event, with
those files read once. A long-running process reads them when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from hubbub.collector.event import Event, Frame
from hubbub.collector.people.extract import understand
from hubbub.collector.people.rules import Rules, load_rules
from hubbub.errors import UsageError

__all__ = ["Reader", "ReaderConfig", "read_directory"]


@dataclass(frozen=True, slots=True)
class Reader:
    """From a frame to an event.

    Attributes:
        directory: e-mail address or nick → account.
        rules: hubbub's rules, and before them a user's.
        missed: id → why (`people.MISSED`) of each message whose topic no rule knows, or in whose
            body its rule found nothing; whoever reads many frames empties it.
    """

    directory: Mapping[str, str] | None = None
    rules: Rules = field(default_factory=load_rules)
    missed: dict[str, str] = field(default_factory=dict)

    def __call__(self, frame: Frame) -> Event:
        """The event of a frame.

        Raises:
            MessageError: the frame cannot be read.
        """
        return understand(frame, directory=self.directory, rules=self.rules, missed=self.missed)


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """The settings; small, and safe to send to a process.

    Args:
        directory: a JSON object from e-mail address or nick to account.
        rules: a TOML table of rules (docs/rules.md).
    """

    directory: Path | None = None
    rules: Path | None = None

    def reader(self) -> Reader:
        """Read the files.

        Raises:
            UsageError: one of them is not there, or is not what it should be.
        """
        directory = None if self.directory is None else read_directory(self.directory)
        return Reader(directory, load_rules(self.rules))


def read_directory(path: Path) -> dict[str, str]:
    """The JSON object from e-mail address or nick to account.

    Raises:
        UsageError: no such file, or something else in it.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except OSError as error:
        raise UsageError(
            f"the directory of people cannot be read: {error.strerror}", where=str(path)
        ) from error
    except msgspec.DecodeError as error:
        raise UsageError(
            f"the directory of people is no JSON object of texts: {error}",
            where=str(path),
            hint='write {"anna@example.org": "anna", …}',
        ) from None
