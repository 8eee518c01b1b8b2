"""Explanations of queries of objects: objects, heatmap, objects_per_user, users_per_object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.analyzers.activity.heatmap import Frames
from hubbub.analyzers.explained.cell import (
    Column,
    Explanation,
    Request,
    Row,
    bytes_of,
    distinct_users,
    number,
    time_of,
    touches,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["EXPLANATIONS"]


def _of_object(request: Request, row: Row) -> ir.Table:
    rows = request.events.unnest_objects().select("id", "time", "size", "object")
    return rows.filter(rows.object == row["object"])


def _cell(request: Request, row: Row) -> ir.Table:
    rows = touches(request)
    return rows.filter(rows.user == row["user"], rows.object == row["object"])


def _users_with(request: Request, row: Row) -> ir.Table:
    rows = touches(request)
    each = rows.group_by("user").agg(objects=rows.object.nunique())
    return rows.filter(rows.user.isin(each.filter(each.objects == row["objects"]).user))


def _so_far(request: Request, row: Row) -> ir.Table:
    cut = Frames.of(request.events, request.since, request.until, request.values["frames"])
    end = time_of(row["end"])
    frame = next(i for i in range(cut.number) if cut.end(i) == end)
    rows = touches(request)
    return rows.filter(rows.object == row["object"], cut.frame(rows.time) <= frame)


EXPLANATIONS = {
    "objects": Explanation(
        ("object",),
        {
            "messages": Column("the messages that name the object", _of_object, number),
            "bytes": Column("the bytes of the messages that name the object", _of_object, bytes_of),
            "first": Column(
                "the messages that name the object: the time of the first",
                _of_object,
                lambda rows: rows.time.min(),
            ),
            "last": Column(
                "the messages that name the object: the time of the last",
                _of_object,
                lambda rows: rows.time.max(),
            ),
        },
    ),
    "heatmap": Explanation(
        ("user", "object"),
        {"messages": Column("the messages that name the user and the object", _cell, number)},
    ),
    "objects_per_user": Explanation(
        ("objects",),
        {
            "users": Column(
                "the distinct users who touched so many objects", _users_with, distinct_users
            )
        },
    ),
    "users_per_object": Explanation(
        ("end", "object"),
        {
            "users": Column(
                "the distinct users who touched the object up to the end of the frame",
                _so_far,
                distinct_users,
            )
        },
    ),
}
