"""Bodies of topics about people: wiki, forums, meetings, accounts, karma.

Each function makes the body of one family of topics, shaped like the real service's.
"""

from __future__ import annotations

from hubbub.testing.simulator.message import Body, Context, Json


def pagure(c: Context) -> Body:
    """An issue or pull request."""
    key = "pullrequest" if "pull-request" in c.topic else "issue"
    thing = {"content": "", "id": c.number % 4000, "status": "Open", "user": {"name": c.agent}}
    project = {"name": c.package, "namespace": "rpms"}
    return Body({"agent": c.agent, key: thing, "project": project}, thing, "content")


def wiki(c: Context) -> Body:
    """A page edit."""
    body = {
        "minor_edit": 0,
        "summary": "",
        "text": "The diff goes here",
        "title": f"Changes/{c.package}",
        "user": c.agent,
    }
    return Body(body, body, "summary")


def badge(c: Context) -> Body:
    """A badge award."""
    badge = {"badge_id": f"badge-{c.number % 300}", "description": "", "name": "Long Life"}
    return Body(
        {"badge": badge, "user": {"username": c.agent, "badges_user_id": c.number % 9000}},
        badge,
        "description",
    )


def rank(c: Context) -> Body:
    """A user's higher rank in the list of badges."""
    person = {"bio": "", "id": c.number % 9000, "nickname": c.agent, "rank": c.number % 900}
    return Body({"old_rank": c.number % 950, "person": person}, person, "bio")


def planet(c: Context) -> Body:
    """A blog post."""
    post = {"link": "https://blog.example.org/post", "summary": "", "title": "What I did this week"}
    return Body({"name": c.agent, "post": post, "username": c.agent}, post, "summary")


def askbot(c: Context) -> Body:
    """A question or answer, which may mention others."""
    post = {"pk": c.number % 90_000, "post_type": "answer", "text": ""}
    body = {
        "agent": c.agent,
        "newly_mentioned_users": list(c.users[1:]),
        "post": post,
        "thread": {"pk": c.number % 70_000, "tagnames": ["install"], "title": "How to start?"},
        "topmost_post_id": c.number % 70_000,
    }
    return Body(body, post, "text")


def fas(c: Context) -> Body:
    """A change of an account, by its owner or by a sponsor."""
    body = {"agent": c.agent, "fields": [""], "group": "packager", "user": c.users[-1], "why": ""}
    return Body(body, body, "why")


def fedocal(c: Context) -> Body:
    """A meeting or calendar."""
    meeting = {"meeting_id": c.number % 20_000, "meeting_information": "", "meeting_name": "weekly"}
    calendar = {"calendar_name": "council", "calendar_status": "Enabled"}
    return Body(
        {"agent": c.agent, "calendar": calendar, "meeting": meeting}, meeting, "meeting_information"
    )


def ansible(c: Context) -> Body:
    """A playbook run."""
    results = {"proxy01.example.org": {"changed": 1, "failures": 0, "ok": c.number % 90}}
    body = {
        "userid": c.agent,
        "playbook": "/srv/playbooks/groups/proxies.yml",
        "results": results,
        "log": "",
    }
    return Body(body, body, "log")


def nuancier(c: Context) -> Body:
    """A wallpaper submitted to an election."""
    candidate = {"author": c.agent, "license": "CC-BY-SA", "name": "", "submitter": c.agent}
    return Body(
        {"agent": c.agent, "candidate": candidate, "election": {"id": 4, "year": 2026}},
        candidate,
        "name",
    )


def github(c: Context) -> Body:
    """A push or another action on GitHub."""
    body = {
        "after": f"{c.number:040x}",
        "compare": "",
        "fas_usernames": {f"{c.agent}-hub": c.agent},
        "forced": False,
        "repository": {"full_name": f"fedora-infra/{c.package}", "language": "Python"},
    }
    return Body(body, body, "compare")


def forum(c: Context) -> Body:
    """A forum post, without users."""
    kind = "post" if ".post." in c.topic else "topic"
    thing = {"id": c.number % 200_000, "raw": "", "category_id": c.number % 99}
    headers = {"X-Discourse-Event": c.action, "X-Discourse-Event-Type": kind}
    return Body({"webhook_body": {kind: thing}, "webhook_headers": headers}, thing, "raw")


def waiver(c: Context) -> Body:
    """A waiver of a failed test."""
    body = {"comment": "", "id": c.number % 9000, "testcase": "dist.rpmlint", "username": c.agent}
    return Body(body, body, "comment")


def infragit(c: Context) -> Body:
    """A push to the administrators' repository."""
    commit = {"message": "", "repo": "ansible", "rev": f"{c.number:040x}", "username": c.agent}
    return Body({"commit": commit}, commit, "message")


def trac(c: Context) -> Body:
    """A ticket or wiki page."""
    if ".wiki." in c.topic:
        page = {"author": c.agent, "name": "WikiStart", "text": ""}
        return Body({"agent": c.agent, "page": page}, page, "text")
    cc = c.users[2:]
    ticket = {
        "cc": ", ".join(cc),
        "description": "",
        "id": c.number % 9000,
        "owner": c.users[min(1, len(c.users) - 1)],
        "reporter": c.agent,
        "status": "new",
    }
    return Body({"agent": c.agent, "ticket": ticket}, ticket, "description")


def karma(c: Context) -> Body:
    """Karma given on IRC."""
    body = {"agent": c.agent, "channel": "#devel", "line": "", "recipient": c.users[1], "vote": 1}
    return Body(body, body, "line")


def meeting(c: Context) -> Body:
    """A meeting attended only by the bot that keeps the minutes."""
    body: Json = {
        "attendees": {"zodbot": 1 + c.number % 9},
        "chairs": {},
        "channel": "#meeting",
        "meeting_topic": "",
        "url": "https://meetings.example.org/today",
    }
    return Body(body, body, "meeting_topic")
