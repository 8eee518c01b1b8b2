"""Explanations of queries of people: totals, shares, distinct users, organisations, what_if."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.explained.cell import (
    Column,
    Explanation,
    Request,
    Row,
    bytes_of,
    distinct_users,
    mentions,
    messages,
    number,
)
from hubbub.analyzers.people.active_users import number_of_day, period_number
from hubbub.analyzers.people.organisations import member_rows
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

__all__ = ["EXPLANATIONS"]


def _of_user(request: Request, row: Row) -> ir.Table:
    rows = mentions(request)
    return rows.filter(rows.user == row["user"])


def _radar(request: Request, row: Row) -> ir.Table:
    axis = request.values["axis"]
    rows = mentions(request, axis)
    return rows.filter(rows.user == row["user"], rows[axis] == row["axis"])


def _axis(request: Request, row: Row) -> ir.Table:
    rows = messages(request)
    return rows.filter(rows[request.values["axis"]] == row["axis"])


def _radar_records(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"user": user, "axis": axis, "count": count, "total": total}
        for user, values in data["users"].items()
        for axis, total, count in zip(data["axes"], data["totals"], values["counts"], strict=True)
    ]


def _in_period(request: Request, rows: ir.Table, last_day: str) -> ir.Table:
    """Return the rows of the period that ends with a day."""
    per = request.values["per"]
    wanted = number_of_day(per, date.fromisoformat(last_day))
    return rows.filter(period_number(per, request.events, rows.time) == wanted)


def _active(request: Request, row: Row) -> ir.Table:
    return _in_period(request, mentions(request), row["period"])


def _pairs(data: list[Any]) -> list[dict[str, Any]]:
    """Return the records of `active_users`, whose data are pairs."""
    return [{"period": period, "users": users} for period, users in data]


def _recipients(request: Request, row: Row) -> ir.Table:
    people = request.events.unnest_users("id", "time", "size", "objects")
    rows = people.select("id", "time", "size", "user", object=people.objects.unnest())
    rows = _in_period(request, rows, row["end"])
    return rows.filter(rows.object == row["object"])


def _members(request: Request, row: Row) -> ir.Table:
    per = request.values["per"]
    rows = member_rows(request.events, request.affiliations, per)
    wanted = number_of_day(per, date.fromisoformat(row["period"]))
    rows = rows.filter(rows.number == wanted, rows.organisation == row["organisation"])
    return rows.select("user", "time", id="message")


def _distinct_messages(rows: ir.Table) -> ir.Scalar:
    return rows.id.nunique()


def _known(request: Request, row: Row) -> ir.Table:
    """Return a row for each message and person of the category or object of a row."""
    people = request.events.unnest_users("id", "time", "category", "objects")
    named = people.category if row["kind"] == "category" else people.objects.unnest()
    rows = people.select("id", "time", "user", name=named)
    return rows.filter(rows.name == row["name"])


def _what_if(request: Request, row: Row, *, part: str) -> ir.Table:
    rows = _known(request, row)
    absent = matches(rows.user, request.values["without"])
    if part == "theirs":
        return rows.filter(absent)
    others = rows.filter(~absent)
    return others if part == "others" else rows.filter(rows.id.notin(others.id))


EXPLANATIONS = {
    "users": Explanation(
        ("user",),
        {
            "messages": Column("the messages that name the user", _of_user, number),
            "bytes": Column("the bytes of the messages that name the user", _of_user, bytes_of),
            "first": Column(
                "the messages that name the user: the time of the first",
                _of_user,
                lambda rows: rows.time.min(),
            ),
            "last": Column(
                "the messages that name the user: the time of the last",
                _of_user,
                lambda rows: rows.time.max(),
            ),
        },
    ),
    "tail": Explanation(
        ("user",), {"count": Column("the messages that name the user", _of_user, number)}
    ),
    "radar": Explanation(
        ("user", "axis"),
        {
            "count": Column("the messages of the axis that name the user", _radar, number),
            "total": Column("all messages of the axis", _axis, number),
        },
        records=_radar_records,
    ),
    "active_users": Explanation(
        ("period",),
        {"users": Column("the distinct users of the period", _active, distinct_users)},
        records=_pairs,
    ),
    "recipients": Explanation(
        ("end", "object"),
        {
            "users": Column(
                "the distinct users of the object in the period", _recipients, distinct_users
            ),
            "messages": Column(
                "the messages of the object in the period, once for each user", _recipients, number
            ),
        },
    ),
    "organisations": Explanation(
        ("period", "organisation"),
        {
            "messages": Column(
                "the messages of the organisation's people in the period",
                _members,
                _distinct_messages,
            ),
            "users": Column(
                "the distinct users of the organisation in the period", _members, distinct_users
            ),
        },
    ),
    "what_if": Explanation(
        ("kind", "name"),
        {
            "messages": Column(
                "the messages of the category or object that name a user",
                _known,
                _distinct_messages,
            ),
            "theirs": Column(
                "of these messages those that name one of the people of --without",
                partial(_what_if, part="theirs"),
                _distinct_messages,
            ),
            "lost": Column(
                "of these messages those that name no other user",
                partial(_what_if, part="lost"),
                _distinct_messages,
            ),
            "others": Column(
                "the distinct users of these messages who are not left out",
                partial(_what_if, part="others"),
                distinct_users,
            ),
        },
    ),
}
