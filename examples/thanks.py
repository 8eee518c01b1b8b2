"""Who is thanked: the query `thanks`, its chart, and a page for a screen on the wall."""

from html import escape

from ibis import _

from hubbub import event_handler, query, view

TOPIC = "chat.thanks"


@query(accounts=["user"])
def thanks(events):
    """Thanks per person, the most first."""
    said = events.filter(events.topic == TOPIC).unnest_users()
    return said.group_by("user").agg(thanks=_.count()).order_by(_.thanks.desc(), "user")


@view(title="Thanks")
def thanks_chart(query, chart, since, until):
    """Thanks per person, as bars."""
    return chart.bars(query.thanks(since=since, until=until), x="user", y="thanks")


@event_handler
def newest(db, events):
    """Remember who was thanked last."""
    for event in events:
        if event.get("topic") == TOPIC:
            db["newest"]["user"] = event["user"]


@view
def thanks_panel(view, db):
    """The newest thanks and the chart; refreshes itself every five seconds."""
    user = db["newest"].get("user", "nobody yet")
    svg = view.thanks_chart().svg().decode()
    return (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Thanks</title>'
        '<meta http-equiv="refresh" content="5">'
        f"<h1>Thank you, {escape(user)}!</h1>{svg[svg.index('<svg') :]}</html>"
    )
