"""The queries `heatmap`, `objects_per_user` and `users_per_object`: who touches what.

Comes in: events. Goes out: a row for each cell, for each number of objects, or for each frame and
object. Only a message that names both a user and an object counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.materialised import held
from hubbub.analyzers.common.times import number_since
from hubbub.errors import UsageError
from hubbub.registry import query

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["heatmap", "objects_per_user", "users_per_object"]

_STEPS = tuple(timedelta(hours=h) for h in (1, 2, 3, 6, 12, 24, 48, 168, 336, 672))
#: More frames than this cannot be told apart, nor drawn.
_MOST_FRAMES = 1_000


def _touches(events: Events, *more: str) -> ir.Table:
    """`user`, `object` and what is asked for, a row for each pair that a message names."""
    from ibis import _

    people = events.unnest_users("objects", *more)
    return people.select("user", *more, object=_.objects.unnest())


def _at_least_one(number: int, flag: str) -> None:
    if number < 1:
        raise UsageError(f"{number} is too few", where=flag, hint="write 1 or more")


@query
def heatmap(
    events: Events, top: int = 24, top_objects: int = 30
) -> tuple[ir.Table, dict[str, Any]]:
    """Messages of each user on each object, for the busiest users and objects.

    Only pairs that occur have a row. Users and objects are the `--top` 24 and `--top-objects` 30
    with the most such messages, the busiest first; beside the data, how many there are in all, and
    how many messages (once for each user and object that they name).
    """
    from ibis import _

    _at_least_one(top, "--top")
    _at_least_one(top_objects, "--top-objects")
    touches = _touches(events)
    # Not from all cells: there are a hundred times as many as users and objects.
    people = events.unnest_users("objects").mutate(n=_.objects.length()).filter(_.n > 0)
    users = held(events, people.group_by("user").agg(n=_.n.sum()))
    objects = held(events, touches.group_by("object").agg(n=_.count()))
    kept = touches.join(_busiest(users, "user", top), "user").join(
        _busiest(objects, "object", top_objects), "object"
    )
    cells = kept.group_by("user", "object", "user_rank", "object_rank").agg(messages=_.count())
    shown = cells.order_by("user_rank", "object_rank")
    counted = users.agg(users=_.count(), messages=_.n.sum())
    counted = counted.cross_join(objects.agg(objects=_.count()))
    [whole] = events.get_backend().to_pyarrow(counted).to_pylist()
    notes = {name: int(whole[name] or 0) for name in ("users", "objects", "messages")}
    return shown.select("user", "object", "messages"), notes


def _busiest(sums: ir.Table, name: str, top: int) -> ir.Table:
    """The users or objects with most messages (`n`): their name and their rank, from 0."""
    import ibis
    from ibis import _

    sums = sums.order_by(_.n.desc(), name).limit(top)
    order = ibis.window(order_by=[_.n.desc(), _[name]])
    return sums.select(name, ibis.row_number().over(order).name(f"{name}_rank"))


@query
def objects_per_user(events: Events) -> ir.Table:
    """How many users touched exactly k objects: columns `objects` (k) and `users`."""
    from ibis import _

    # In two steps: a set for each of many users costs more than one of all pairs.
    pairs = _touches(events).select("user", "object").distinct()
    each = pairs.group_by("user").agg(objects=_.count())
    return each.group_by("objects").agg(users=_.count()).order_by("objects")


@query
def users_per_object(
    events: Events, since: datetime, until: datetime, top: int = 12, frames: int = 84
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Distinct users of each object so far, frame by frame: which objects gather people.

    The range is cut into at most `--frames` pieces of equal length (1, 2, 3, 6, 12 h, 1, 2 d, 1, 2,
    4 weeks, or multiples of these; aligned to the end of the range). `users` is how many had
    touched the object by the `end` of the frame. Listed are the `--top` objects of each frame;
    between objects with as many users, the one that had them earlier is first.
    """
    import ibis
    from ibis import _

    _at_least_one(top, "--top")
    if not 1 <= frames <= _MOST_FRAMES:
        raise UsageError(
            f"{frames} frames cannot be drawn", where="--frames", hint=f"1 to {_MOST_FRAMES:,}"
        )
    step = _step((until - since) / frames)
    number = -((since - until) // step)
    begin = until - step * number
    touches = _touches(events, "time")
    placed = touches.select("user", "object", frame=number_since(touches.time, begin, step))
    first = placed.group_by("object", "user").agg(frame=_.frame.min())
    came = first.group_by("object", "frame").agg(new=_.count())
    grid = (
        came.select("object")
        .distinct()
        .cross_join(ibis.range(0, number).unnest().name("frame").as_table())
    )
    sofar = ibis.cumulative_window(group_by="object", order_by="frame")
    counted = (
        grid.left_join(came, ["object", "frame"])
        .select(
            "object", "frame", new=_.new.fill_null(0), grown=ibis.ifelse(_.new > 0, _.frame, None)
        )
        .mutate(users=_.new.sum().over(sofar), since=_.grown.max().over(sofar))
        .filter(_.users > 0)
    )
    order = ibis.window(group_by="frame", order_by=[_.users.desc(), _["since"], _.object])
    listed = counted.mutate(rank=ibis.row_number().over(order) + 1).filter(_["rank"] <= top)
    rows = listed.select("frame", "rank", "object", "users").order_by("frame", "rank")
    data = [
        {
            "end": begin + step * (row["frame"] + 1),
            "rank": row["rank"],
            "object": row["object"],
            "users": row["users"],
        }
        for row in rows.to_pyarrow().to_pylist()
    ]
    return data, {"step": step, "frames": number}


def _step(least: timedelta) -> timedelta:
    """The shortest round length that is at least this."""
    longest = _STEPS[-1]
    return next((s for s in _STEPS if s >= least), -(-least // longest) * longest)
