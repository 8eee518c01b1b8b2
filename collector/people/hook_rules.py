"""How to read the event, the action and the id of a webhook's deliveries: `[hook.NAME]` of rules.

    [hook.builds]                    # deliveries to /hook/builds
    event = ["type"]                 # EVENT of the topic NAME.EVENT.ACTION; else of the header
    action = ["state"]               # ACTION; without it, the topic ends with EVENT
    id = ["build.uuid"]              # the event's id; else of the header, or a hash

Each is a list of paths, as in a family; the first value found counts. The built-in table has these
by kind of sender (`[hook.github]`).
"""

from __future__ import annotations

import msgspec

from hubbub.collector.people.entries import Conditional, compile_entry
from hubbub.collector.people.paths import Path
from hubbub.errors import UsageError

__all__ = ["NO_HOOK_RULE", "HookRule", "HookTable", "compile_hook"]


class HookTable(msgspec.Struct, forbid_unknown_fields=True):
    """A `[hook.NAME]` as written."""

    event: list[str | Conditional] = []
    action: list[str | Conditional] = []
    id: list[str | Conditional] = []
    note: str = ""


class HookRule(msgspec.Struct, frozen=True):
    """A compiled `[hook.NAME]`."""

    event: tuple[Path, ...] = ()
    action: tuple[Path, ...] = ()
    id: tuple[Path, ...] = ()


#: For a hook that no rule names: the event and id of its headers, and the action at `action`.
NO_HOOK_RULE = HookRule(action=(compile_entry("action"),))


def compile_hook(table: HookTable, where: str) -> HookRule:
    """Compile a `[hook.NAME]`.

    Args:
        table: as written.
        where: names it in errors.

    Raises:
        UsageError: an invalid path.
    """
    try:
        return HookRule(
            event=tuple(map(compile_entry, table.event)),
            action=tuple(map(compile_entry, table.action)),
            id=tuple(map(compile_entry, table.id)),
        )
    except UsageError as error:
        raise UsageError(error.what, where=where, hint=error.hint) from None
