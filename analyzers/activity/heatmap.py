"""The queries `heatmap`, `objects_per_user` and `users_per_object`: who touches which objects.

Only messages that name both a user and an object count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.activity.standings import MOST_FRAMES, standings
from hubbub.analyzers.common.limits import require_minimum
from hubbub.analyzers.common.materialised import materialise
from hubbub.analyzers.common.named import MOST
from hubbub.analyzers.common.times import DAY, micros, wall
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.store.query.months.touches import touch_parts, touches
from hubbub.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["Frames", "heatmap", "objects_per_user", "users_per_object"]

_STEPS = tuple(timedelta(hours=h) for h in (1, 2, 3, 6, 12, 24, 48, 168, 336, 672))


@query(names_people=True, accounts=("user",))
def heatmap(
    events: Events, top: int = 24, top_objects: int = 30
) -> tuple[ir.Table, dict[str, Any]]:
    """Messages of each user on each object, for the busiest users and objects.

    Only pairs that occur have a row. Users and objects are the `--top` 24 and `--top-objects` 30
    with the most such messages, the busiest first. The diagnostics have the number of all users and
    objects, and of messages (counted once for each user and object that they name).

    Args:
        events: The selected events.
        top: How many users are listed.
        top_objects: How many objects are listed.
    """
    from ibis import _

    require_minimum(top, "--top")
    require_minimum(top_objects, "--top-objects")
    events.audience.touching = True
    touched = touches(events)
    # Not computed from all cells: there are a hundred times as many cells as users and objects.
    users = materialise(events, touched.group_by("user").agg(n=_.messages.sum()))
    objects = materialise(events, touched.group_by("object").agg(n=_.messages.sum()))
    chosen = [_busiest(users, "user", top), _busiest(objects, "object", top_objects)]
    for table, name in zip(chosen, ("user", "object"), strict=True):
        names = events.get_backend().to_pyarrow(table.select(name))[name].to_pylist()
        if len(names) <= MOST:  # known before rows are read: most need not be decoded
            touched = touched.filter(touched[name].isin(names))
    busiest = touched.join(chosen[0], "user").join(chosen[1], "object")
    cells = busiest.group_by("user", "object", "user_rank", "object_rank").agg(
        messages=_.messages.sum()
    )
    ordered = cells.order_by("user_rank", "object_rank")
    sums = users.agg(users=_.count(), messages=_.n.sum())
    sums = sums.cross_join(objects.agg(objects=_.count()))
    [totals] = events.get_backend().to_pyarrow(sums).to_pylist()
    notes = {name: int(totals[name] or 0) for name in ("users", "objects", "messages")}
    return ordered.select("user", "object", "messages"), notes


def _busiest(sums: ir.Table, name: str, top: int) -> ir.Table:
    """The users or objects with the most messages (`n`), with their rank from 0."""
    import ibis
    from ibis import _

    sums = sums.order_by(_.n.desc(), name).limit(top)
    order = ibis.window(order_by=[_.n.desc(), _[name]])
    return sums.select(name, ibis.row_number().over(order).name(f"{name}_rank"))


@query(names_people=False)
def objects_per_user(events: Events) -> ir.Table | list[dict[str, int]]:
    """How many users touched exactly k objects: columns `objects` (k) and `users`."""
    from ibis import _

    events.audience.touching = True
    parts = []
    for touched in touch_parts(events):
        # Distinct pairs first: one set of all pairs costs less than a set for each of many users.
        pairs = touched.select("user", "object").distinct()
        each = pairs.group_by("user").agg(objects=_.count())
        parts.append(each.group_by("objects").agg(users=_.count()))
    if len(parts) == 1:
        return parts[0].order_by("objects")
    users: Counter[int] = Counter()
    for part in parts:
        for row in events.get_backend().to_pyarrow(part).to_pylist():
            users[row["objects"]] += row["users"]
    return [{"objects": number, "users": users[number]} for number in sorted(users)]


@query(names_people=False, columns=("end", "rank", "object", "users"))
def users_per_object(
    events: Events, since: datetime, until: datetime, top: int = 12, frames: int = 84
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Distinct users of each object so far, frame by frame: which objects attract people.

    The range is cut into at most `--frames` frames of equal length (1, 2, 3, 6, 12 h, 1, 2 d, 1, 2,
    4 weeks, or multiples of 4 weeks; aligned to the end of the range). `users` is how many had
    touched the object by the `end` of the frame. Each frame lists its `--top` objects; of objects
    with equally many users, the one that reached the number earlier is first. `leading`
    and `last` (diagnostics) are how many objects share the largest number of the last frame, and
    the smallest one that is listed in it.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        top: How many objects a frame lists.
        frames: Frames at most.
    """
    require_minimum(top, "--top")
    if not 1 <= frames <= MOST_FRAMES:
        raise UsageError(
            f"{frames} frames cannot be drawn", where="--frames", hint=f"write 1 to {MOST_FRAMES:,}"
        )
    cut = Frames.of(events, since, until, frames)
    data: list[dict[str, Any]] = []
    notes: dict[str, Any] = {"step": cut.step, "frames": cut.number}
    for frame, standing in enumerate(standings(_arrivals(events, cut), cut.number, top)):
        end = cut.end(frame)
        data += [
            {"end": end, "rank": rank, "object": name, "users": users}
            for rank, (name, users) in enumerate(zip(*standing[:2], strict=True), 1)
        ]
        if standing.objects:
            notes |= {"leading": standing.leading, "last": standing.last}
    return data, notes


def _arrivals(events: Events, cut: Frames) -> Iterator[Any]:
    """Yield tables of `object`, `frame` and `new`: how many users touched it for the first time.

    From frame to frame they are added up here: the engine would need a row for each object and
    frame, sorted.
    """
    from ibis import _

    events.audience.touching = True
    for touched in touch_parts(events):
        # frames before the first is found: they are smaller than times
        frame = cut.frame_of(touched["first"]).cast("int32")
        placed = touched.select("object", "user", frame=frame)
        first = placed.group_by("object", "user").agg(frame=_.frame.min())
        arrivals = first.group_by("object", "frame").agg(new=_.count())
        yield events.get_backend().to_pyarrow(arrivals)


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of equal length that end with the range; those of whole days are days of the zone.

    Attributes:
        events: cut in the zone of the frames: by the clock for whole days, else in UTC.
        until: the end of the range.
        step: the length of a frame.
        number: of frames.
        begin: of the first frame, µs on the clock by which they are cut.
    """

    events: Events
    until: datetime
    step: timedelta
    number: int
    begin: int

    @classmethod
    def of(cls, events: Events, since: datetime, until: datetime, frames: int) -> Frames:
        """Cut a range into at most so many frames."""
        step = _round_step((until - since) / frames)
        # frames of whole days are cut by the clock of the zone, where days may have 23 or 25 hours
        events = events if not step % DAY else events.in_utc()
        size = step // timedelta(microseconds=1)
        low, high = (events.zone.wall(to_micros(edge)) for edge in (since, until))
        number = -((low - high) // size)
        return cls(events, until, step, number, high - number * size)

    def frame(self, when: ir.TimestampValue) -> ir.IntegerValue:
        """Return the index of the frame that each time lies in, from 0."""
        return self.frame_of(micros(when))

    def frame_of(self, at: ir.IntegerValue) -> ir.IntegerValue:
        """Return the index of the frame that each time (µs since the epoch) lies in, from 0."""
        number: ir.IntegerValue = (wall(at, self.events.selection.offsets()) - self.begin) // (
            self.step // timedelta(microseconds=1)
        )
        return number

    def end(self, frame: int) -> datetime:
        """Return the end of a frame."""
        return self.events.zone.plus(self.until, -self.step * (self.number - 1 - frame))


def _round_step(minimum: timedelta) -> timedelta:
    """Return the shortest round length that is at least `minimum`."""
    longest = _STEPS[-1]
    return next((step for step in _STEPS if step >= minimum), -(-minimum // longest) * longest)
