"""Turn frames into events with a user's directory and rules.

`ReaderConfig` holds the paths of the files and can be sent to another process; `Reader` holds their
contents, read once.
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
    """A callable that turns a frame into an event.

    Attributes:
        directory: e-mail address or nick → account.
        rules: the user's rules, followed by the built-in ones.
        missed: message id → why no rule applied (`extract.MISSED`); the caller clears it.
    """

    directory: Mapping[str, str] | None = None
    rules: Rules = field(default_factory=load_rules)
    missed: dict[str, str] = field(default_factory=dict)

    def __call__(self, frame: Frame) -> Event:
        """Return the event of a frame.

        Raises:
            MessageError: the frame cannot be decoded.
        """
        return understand(frame, directory=self.directory, rules=self.rules, missed=self.missed)


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """Paths from which a `Reader` is made; picklable.

    Args:
        directory: a JSON object from e-mail address or nick to account.
        rules: a TOML table of rules (docs/rules.md).
    """

    directory: Path | None = None
    rules: Path | None = None

    def reader(self) -> Reader:
        """Read the files and return a reader.

        Raises:
            UsageError: a file is missing or invalid.
        """
        directory = None if self.directory is None else read_directory(self.directory)
        return Reader(directory, load_rules(self.rules))


def read_directory(path: Path) -> dict[str, str]:
    """Read a JSON object from e-mail address or nick to account.

    Raises:
        UsageError: the file is missing or invalid.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except OSError as error:
        raise UsageError(
            f"the directory of people cannot be read: {error.strerror}", where=str(path)
        ) from error
    except msgspec.DecodeError as error:
        raise UsageError(
            f"the directory of people is not a JSON object of strings: {error}",
            where=str(path),
            hint='write {"anna@example.org": "anna", …}',
        ) from None
