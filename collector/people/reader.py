"""Turn frames into events with a user's directory and rules.

`ReaderConfig` holds the paths of the files and can be sent to another process; `Reader` holds their
contents, read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from hubbub.collector.decode.deliveries import HOOK
from hubbub.collector.decode.message_id import BUS_FORMATS
from hubbub.collector.event import Event, Frame, kind_of
from hubbub.collector.people.extract import events_of, understand
from hubbub.collector.people.rules import Rules, load_rules
from hubbub.config import Config
from hubbub.errors import MessageError, UsageError

__all__ = ["Reader", "ReaderConfig", "configured", "read_directory"]


@dataclass(frozen=True, slots=True)
class Reader:
    """A callable that turns a frame into its events.

    Attributes:
        directory: e-mail address or nick → account.
        rules: the user's rules, followed by the built-in ones.
        hook_rules: the same for hooks that have rules of their own, by the source of their frames.
        missed: message id → why no rule applied (`extract.MISSED`); the caller clears it.
    """

    directory: Mapping[str, str] | None = None
    rules: Rules = field(default_factory=load_rules)
    hook_rules: Mapping[str, Rules] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)

    def __call__(self, frame: Frame) -> Event | list[Event | MessageError]:
        """Return the event of a message of a bus, or the events of a frame: see `events_of`.

        Raises:
            MessageError: the frame cannot be decoded.
        """
        if kind_of(frame.source) in BUS_FORMATS:
            return understand(frame, directory=self.directory, rules=self.rules, missed=self.missed)
        rules = self.hook_rules.get(frame.source, self.rules)
        return events_of(frame, directory=self.directory, rules=rules, missed=self.missed)


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """Paths from which a `Reader` is made; picklable.

    Args:
        directory: a JSON object from e-mail address or nick to account.
        rules: a TOML table of rules (docs/rules.md).
        hook_rules: (name of a hook, the same for its deliveries, which precedes `rules`).
    """

    directory: Path | None = None
    rules: Path | None = None
    hook_rules: tuple[tuple[str, Path], ...] = ()

    def reader(self) -> Reader:
        """Read the files and return a reader.

        Raises:
            UsageError: a file is missing or invalid.
        """
        directory = None if self.directory is None else read_directory(self.directory)
        hook_rules = {
            f"{HOOK}:{name}": load_rules(path, self.rules) for name, path in self.hook_rules
        }
        return Reader(directory, load_rules(self.rules), hook_rules)


def configured(
    config: Config, *, directory: Path | None = None, rules: Path | None = None
) -> ReaderConfig:
    """Return the files that a configuration names, of its hooks too.

    Args:
        config: the configuration.
        directory: takes precedence over the configured one.
        rules: likewise.
    """
    people = config.people
    return ReaderConfig(
        directory or (None if people.directory is None else Path(people.directory)),
        rules or (None if people.rules is None else Path(people.rules)),
        tuple(
            (name, Path(hook.rules))
            for name, hook in config.hooks.items()
            if hook.rules is not None
        ),
    )


def read_directory(path: Path) -> dict[str, str]:
    """Read a JSON object from e-mail address or nick to account.

    Raises:
        UsageError: the file is missing or invalid.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except OSError as error:
        raise UsageError(
            f"the directory of people cannot be read: {error.strerror}",
            where=str(path),
            hint="it must be a JSON file that this user may read (--directory, or `directory` in"
            " the configuration)",
        ) from error
    except msgspec.DecodeError as error:
        raise UsageError(
            f"the directory of people is not a JSON object of strings: {error}",
            where=str(path),
            hint='write {"anna@example.org": "anna", …}',
        ) from None
