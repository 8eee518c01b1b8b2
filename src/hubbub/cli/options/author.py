"""Who does something that is written down: an option, else the system's user."""

from __future__ import annotations

from hubbub.errors import UsageError

__all__ = ["author_of"]


def author_of(given: str | None, option: str) -> str:
    """Return the author.

    Args:
        given: the value of the option; None: it was not given.
        option: its name, for the hint.

    Raises:
        UsageError: it was not given, and the system's user has no name.
    """
    if given is not None:
        return given
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        raise UsageError(
            "the author of this entry is unknown: the system's user has no name",
            hint=f"add {option} NAME",
        ) from None
