"""Read the hourly files of GH Archive, and drop the events of other repositories while reading.

An hour holds 200,000 events of the whole of GitHub. Each line is parsed as far as needed for the
name of its repository, and only the lines of wanted repositories become frames. A line that is not
JSON may be of any repository: it becomes a frame, and the decoder refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from typing import Any

import msgspec

from hubbub.errors import UsageError

__all__ = ["Repositories"]


class _Repository(msgspec.Struct, gc=False):
    """Since 2015 `name` is OWNER/NAME; before, `owner` was a key of its own."""

    name: Any = None
    owner: Any = None


class _Line(msgspec.Struct, gc=False):
    repo: _Repository | None = None
    repository: _Repository | None = None


class Repositories:
    """The repositories whose events are wanted; called with a line.

    Args:
        globs: of OWNER/NAME; GitHub ignores case.

    Attributes:
        dropped: lines of other repositories so far.

    Raises:
        UsageError: a glob without a slash matches no repository.
    """

    def __init__(self, globs: Sequence[str]) -> None:
        for glob in globs:
            if "/" not in glob:
                raise UsageError(
                    f"{glob!r} is not the name of a repository",
                    where="--repo",
                    hint="write OWNER/NAME; OWNER/* are all repositories of an owner",
                )
        self._wanted = re.compile("|".join(translate(glob.lower()) for glob in globs)).match
        self._decode = msgspec.json.Decoder(_Line).decode
        self._known: dict[str, bool] = {}
        self.dropped = 0

    def __call__(self, line: bytes) -> bool:
        """Whether to keep a line: it is of a wanted repository, or cannot be read."""
        try:
            event = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return True
        repo = event.repo or event.repository
        name = "" if repo is None else repo.name
        if isinstance(name, str) and repo is not None and isinstance(repo.owner, str):
            name = f"{repo.owner}/{name}"
        if not isinstance(name, str):
            return True  # the decoder says what is wrong with it
        wanted = self._known.get(name)
        if wanted is None:
            if len(self._known) >= _CACHE_SIZE:
                self._known.clear()
            wanted = self._known[name] = self._wanted(name.lower()) is not None
        self.dropped += not wanted
        return wanted


_CACHE_SIZE = 65_536  # repositories that were seen; a few have most events
