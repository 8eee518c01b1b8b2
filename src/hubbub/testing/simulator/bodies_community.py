"""Bodies of the families of topics that are about people: wiki, forums, meetings, accounts, thanks.

Each function makes the body of one family, as the real service writes it.
"""

from __future__ import annotations

from hubbub.testing.simulator.message import Body, Cast, Json


def pagure(c: Cast) -> Body:
    """An issue or pull request."""
    key = "pullrequest" if "pull-request" in c.topic else "issue"
    thing = {"content": "", "id": c.number % 4000, "status": "Open", "user": {"name": c.agent}}
    project = {"name": c.package, "namespace": "rpms"}
    return Body({"agent": c.agent, key: thing, "project": project}, thing, "content")


def wiki(c: Cast) -> Body:
    """A page was edited."""
    body = {
        "minor_edit": 0,
        "summary": "",
        "text": "The diff goes here",
        "title": f"Changes/{c.package}",
        "user": c.agent,
    }
    return Body(body, body, "summary")


def badge(c: Cast) -> Body:
    """A badge was awarded."""
    badge = {"badge_id": f"badge-{c.number % 300}", "description": "", "name": "Long Life"}
    return Body(
        {"badge": badge, "user": {"username": c.agent, "badges_user_id": c.number % 9000}},
        badge,
        "description",
    )


def rank(c: Cast) -> Body:
    """Somebody rose on the list of badges."""
    person = {"bio": "", "id": c.number % 9000, "nickname": c.agent, "rank": c.number % 900}
    return Body({"old_rank": c.number % 950, "person": person}, person, "bio")


def planet(c: Cast) -> Body:
    """A blog post."""
    post = {"link": "https://blog.example.org/post", "summary": "", "title": "What I did this week"}
    return Body({"name": c.agent, "post": post, "username": c.agent}, post, "summary")


def askbot(c: Cast) -> Body:
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


def fas(c: Cast) -> Body:
    """Something about an account, by its owner or by a sponsor."""
    body = {"agent": c.agent, "fields": [""], "group": "packager", "user": c.users[-1], "why": ""}
    return Body(body, body, "why")


def fedocal(c: Cast) -> Body:
    """A meeting or calendar."""
    meeting = {"meeting_id": c.number % 20_000, "meeting_information": "", "meeting_name": "weekly"}
    calendar = {"calendar_name": "council", "calendar_status": "Enabled"}
    return Body(
        {"agent": c.agent, "calendar": calendar, "meeting": meeting}, meeting, "meeting_information"
    )


def ansible(c: Cast) -> Body:
    """A playbook."""
    results = {"proxy01.example.org": {"changed": 1, "failures": 0, "ok": c.number % 90}}
    body = {
        "userid": c.agent,
        "playbook": "/srv/playbooks/groups/proxies.yml",
        "results": results,
        "log": "",
    }
    return Body(body, body, "log")


def nuancier(c: Cast) -> Body:
    """A picture proposed."""
    candidate = {"author": c.agent, "license": "CC-BY-SA", "name": "", "submitter": c.agent}
    return Body(
        {"agent": c.agent, "candidate": candidate, "election": {"id": 4, "year": 2026}},
        candidate,
        "name",
    )


def github(c: Cast) -> Body:
    """Something on another forge."""
    body = {
        "after": f"{c.number:040x}",
        "compare": "",
        "fas_usernames": {f"{c.agent}-hub": c.agent},
        "forced": False,
        "repository": {"full_name": f"fedora-infra/{c.package}", "language": "Python"},
    }
    return Body(body, body, "compare")


def forum(c: Cast) -> Body:
    """A post; the forum names nobody."""
    kind = "post" if ".post." in c.topic else "topic"
    thing = {"id": c.number % 200_000, "raw": "", "category_id": c.number % 99}
    headers = {"X-Discourse-Event": c.action, "X-Discourse-Event-Type": kind}
    return Body({"webhook_body": {kind: thing}, "webhook_headers": headers}, thing, "raw")


def waiver(c: Cast) -> Body:
    """A failed test is to be ignored."""
    body = {"comment": "", "id": c.number % 9000, "testcase": "dist.rpmlint", "username": c.agent}
    return Body(body, body, "comment")


def infragit(c: Cast) -> Body:
    """A push to the administrators' repository."""
    commit = {"message": "", "repo": "ansible", "rev": f"{c.number:040x}", "username": c.agent}
    return Body({"commit": commit}, commit, "message")


def trac(c: Cast) -> Body:
    """A ticket or page."""
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


def karma(c: Cast) -> Body:
    """Thanks given on IRC."""
    body = {"agent": c.agent, "channel": "#devel", "line": "", "recipient": c.users[1], "vote": 1}
    return Body(body, body, "line")


def meeting(c: Cast) -> Body:
    """A meeting in which only the bot that keeps the minutes has said anything."""
    body: Json = {
        "attendees": {"zodbot": 1 + c.number % 9},
        "chairs": {},
        "channel": "#meeting",
        "meeting_topic": "",
        "url": "https://meetings.example.org/today",
    }
    return Body(body, body, "meeting_topic")
