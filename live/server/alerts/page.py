"""The pages of alerts as HTML. Everything that a message can contain is escaped here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from hubbub.language.plurals import plural
from hubbub.live.alerts.wording import ENDED_MARK, RAISED_MARK
from hubbub.live.server import pages
from hubbub.live.server.html.forms import table

__all__ = ["alert_page", "alerts_page"]

_MARKS = {"raised": RAISED_MARK, "ended": ENDED_MARK}
#: Status of a notification → what it says.
_STATUSES = {
    "pending": "waits",
    "sending": "is being sent",
    "sent": "sent",
    "unsure": "perhaps sent",
    "failed": "given up",
    "silenced": "silenced",
    "withheld": "withheld",
}


def alerts_page(request: Request, document: Mapping[str, Any], rule: str) -> str:
    """Return the HTML of the body of `/alerts`."""
    on = document["open"]
    lead = "No alert is on." if not on else f"{plural(len(on), 'alert')} on."
    parts = ["<h1>Alerts</h1>", f"<p><b>{lead}</b></p>"]
    if rule:
        parts.append(
            f"<p>Only the rule {escape(rule)}: {pages.anchor(request, '/alerts', 'show all')}</p>"
        )
    if on:
        parts.append(_changes(request, on, "Alerts that are on, the oldest first", "since"))
    parts.append("<h2>Rules</h2>")
    parts.append(_rules(request, document["rules"]))
    parts.append("<h2>History</h2>")
    history = document["history"]
    if history:
        parts.append(_changes(request, history, "What changed, the newest first", "time"))
    else:
        parts.append("<p>No alert was raised in this range.</p>")
    if document["silences"]:
        parts += ["<h2>Silences</h2>", _silences(document["silences"])]
    return "\n".join(parts)


def _rules(request: Request, rules: Sequence[Mapping[str, Any]]) -> str:
    if not rules:
        return "<p>No rule is configured: see [[alerts]] in docs/alerts.md.</p>"
    rows = [
        (
            pages.anchor(request, f"/alerts?{urlencode({'rule': rule['name']})}", rule["name"]),
            f'<td class="w">{escape(rule["sentence"])}</td>',
            f'<td class="n">{rule["open"]:,}</td>',
        )
        for rule in rules
    ]
    return table("What is watched", ("Rule", "Raises an alert", "On"), rows)


def _changes(
    request: Request, changes: Sequence[Mapping[str, Any]], caption: str, when: str
) -> str:
    rows = [
        (
            pages.anchor(request, f"/alerts/{change['number']}", str(change["number"])),
            escape(_readable(change["time"])),
            f"{_MARKS[change['state']]} {change['state']}",
            escape(change["rule"]),
            f"<bdi>{escape(change['subject'])}</bdi>",
            f'<td class="w">{escape(change["text"])}</td>',
        )
        for change in changes
    ]
    columns = ("Alert", when.capitalize(), "State", "Rule", "Subject", "What was measured")
    return table(caption, columns, rows)


def _silences(silences: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for silence in silences:
        who = silence.get("author")
        why = "" if who is None else f"{silence['reason']} ({who})"
        rows.append(
            (
                str(silence["number"]),
                escape(silence["rule"] or "all rules"),
                f"<bdi>{escape(silence['subject'] or 'all subjects')}</bdi>",
                escape(_readable(silence["from"])),
                escape(_readable(silence["until"])) + (" (now)" if silence["active"] else ""),
                f'<td class="n">{silence["suppressed"]:,}</td>',
                f'<td class="w">{escape(why)}</td>',
            )
        )
    columns = ("Silence", "Rule", "Subject", "From", "Until", "Held back", "Why")
    return table("Messages that are held back, the newest first", columns, rows)


def alert_page(request: Request, document: Mapping[str, Any], sentence: str) -> str:
    """Return the HTML of the body of `/alerts/NUMBER`.

    Args:
        request: whose prefix the links get.
        document: of the alert.
        sentence: what its rule watches; empty if there is no such rule any more.
    """
    state, other = document["state"], document["counterpart"]
    about = f": <bdi>{escape(document['subject'])}</bdi>" if document["subject"] else ""
    heading = f"{_MARKS[state]} {escape(document['rule'])}{about}"
    facts = [
        ("Alert", str(document["number"])),
        ("State", f"{state} {escape(_readable(document['time']))}"),
        ("Measured", escape(document["text"])),
        ("Noticed", escape(_readable(document["detected"]))),
        ("Rule", escape(sentence) or "it is not configured any more"),
    ]
    if other is not None:
        link = pages.anchor(request, f"/alerts/{other['number']}", f"alert {other['number']}")
        facts.append((other["state"].capitalize(), f"{escape(_readable(other['time']))}, {link}"))
    elif state == "raised":
        facts.append(("Ended", "it is still on"))
    definitions = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    parts = [f"<h1>{heading}</h1>", f"<dl>{definitions}</dl>", _links(request, document)]
    if sent := document.get("notifications"):
        rows = [
            (
                escape(each["channel"]),
                escape(_STATUSES.get(each["status"], each["status"])),
                escape(_readable(each["sent"]) if each["sent"] else ""),
                f'<td class="n">{each["attempts"]:,}</td>',
                f'<td class="w">{escape(each["why"] or "")}</td>',
            )
            for each in sent
        ]
        columns = ("Channel", "State", "Sent", "Attempts", "Why not")
        parts += ["<h2>Notifications</h2>", table("What was sent of this change", columns, rows)]
    return "\n".join(parts)


def _links(request: Request, document: Mapping[str, Any]) -> str:
    """Return links to what happened around the alert."""
    day = document["time"][:10]
    replay = urlencode({"replay": day, "at": document["time"], "speed": 60})
    history = urlencode({"rule": document["rule"]})
    return (
        '<p class="links">'
        f"{pages.anchor(request, f'/?{replay}', 'Replay the bus from then on')} "
        f"{pages.anchor(request, f'/alerts?{history}', 'Earlier alerts of this rule')}</p>"
    )


def _readable(time: str) -> str:
    """Return an ISO time as people read it: `2026-11-29 10:00:00 UTC`."""
    text = re.sub(r"\.\d+", "", time.replace("T", " "))
    return f"{text[:-1]} UTC" if text.endswith("Z") else text
