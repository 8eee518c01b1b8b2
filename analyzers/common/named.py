"""Count the users of each event who match globs, without a group for each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubbub.store.query.globs import fits, matches

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["MOST", "Named"]

#: More names than this are not compared one by one.
MOST = 64


@dataclass(frozen=True, slots=True)
class Named:
    """Users who match globs: their names, unless these are too many to compare one by one."""

    globs: Sequence[str]
    but: Sequence[str]  # globs that they must not match
    names: Sequence[str] | None

    @classmethod
    def of(cls, events: Events, globs: Sequence[str], but: Sequence[str] = ()) -> Named:
        """Look up the users of the events; the store may know of more, who do no harm."""
        if not globs:
            return cls(globs, but, [])
        known = events.persons.named(globs)
        if known is None:
            users = events.with_everybody().in_utc().weekly_users().select("user").distinct()
            users = users.filter(matches(users.user, globs))
            users = users.filter(~matches(users.user, but)) if but else users
            found = events.get_backend().to_pyarrow(users.order_by("user").limit(MOST + 1))
            names: list[str] = found["user"].to_pylist()
        else:
            names = [name for name in known if not fits(name, but)]
        return cls(globs, but, names if len(names) <= MOST else None)

    def count_in(self, users: ir.ArrayValue) -> ir.IntegerValue:
        """Count them in each event's users."""
        import ibis

        if self.names is None:
            return users.filter(
                lambda user: (
                    matches(user, self.globs) & ~matches(user, self.but)
                    if self.but
                    else matches(user, self.globs)
                )
            ).length()
        if not self.names:
            return ibis.literal(0, "int64")
        if len(self.names) == 1:  # without a function that is called for each event
            return users.contains(self.names[0]).cast("int64")
        return users.intersect(ibis.array(self.names)).length()
