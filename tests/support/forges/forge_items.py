"""Items of forges in the shapes of Perceval; every name is invented."""

from __future__ import annotations

import json
from hashlib import sha1
from typing import Any

__all__ = ["GITHUB", "ITEMS", "github_issue", "item", "line"]

GITHUB = "https://github.com/lantern/beacon"
GITLAB = "https://gitlab.com/lantern/ui/panel"


def line(value: Any) -> bytes:
    """Return a value as a line, as Perceval writes it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def item(backend: str, category: str, origin: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return an item with Perceval's envelope."""
    return {
        "backend_name": backend,
        "backend_version": "1.0.0",
        "category": category,
        "classified_fields_filtered": None,
        "data": data,
        "origin": origin,
        "perceval_version": "1.0.3",
        "search_fields": {"item_id": "1"},
        "tag": origin,
        "timestamp": 1_767_300_000.5,
        "updated_on": 1_767_260_000.0,
        "uuid": sha1(f"{backend} {origin}".encode(), usedforsecurity=False).hexdigest(),
    }


def _user(login: str) -> dict[str, Any]:
    return {"login": login, "id": len(login), "type": "User"}


def _data(login: str) -> dict[str, Any]:
    return {**_user(login), "name": login.title(), "email": f"{login}@example.org"}


def github_issue(
    number: int, author: str | None = "ada", comments: int = 2, closed: bool = True, **other: Any
) -> dict[str, Any]:
    """Return an issue with comments of bo; closed by cy."""
    data = {
        "id": 9_000 + number,
        "number": number,
        "title": "The lamp flickers",
        "body": "see @dee",
        "state": "closed" if closed else "open",
        "user": None if author is None else _user(author),
        "user_data": None if author is None else _data(author),
        "assignee": _user("eve"),
        "assignees": [_user("eve")],
        "assignees_data": [_data("eve")],
        "created_at": "2026-01-02T10:00:00Z",
        "updated_at": "2026-01-04T10:00:00Z",
        "closed_at": "2026-01-04T10:00:00Z" if closed else None,
        "closed_by": _user("cy") if closed else None,
        "comments": comments,
        "comments_data": [
            {
                "id": 100 * number + n,
                "user": _user("bo"),
                "user_data": _data("bo"),
                "created_at": f"2026-01-03T10:{n:02}:00Z",
                "updated_at": "2026-01-03T11:00:00Z",
                "body": "me too",
                "reactions_data": [],
            }
            for n in range(comments)
        ],
        "reactions_data": [],
        **other,
    }
    return item("GitHub", "issue", GITHUB, data)


def _pull(number: int, merged: bool) -> dict[str, Any]:
    data = {
        "id": 7_000 + number,
        "number": number,
        "state": "closed",
        "user": _user("ada"),
        "user_data": _data("ada"),
        "base": {"ref": "main"},
        "created_at": "2026-01-02T12:00:00Z",
        "updated_at": "2026-01-05T12:00:00Z",
        "closed_at": "2026-01-05T12:00:00Z",
        "merged_at": "2026-01-05T12:00:00Z" if merged else None,
        "merged_by": _user("cy") if merged else None,
        "merged_by_data": _data("cy") if merged else [],
        "requested_reviewers_data": [_data("eve")],
        "commits_data": ["ab" * 20],
        "reviews_data": [
            {"id": 39 + number, "user": _user("bo"), "state": "APPROVED",
             "submitted_at": "2026-01-04T12:00:00Z"},
            {"id": 139 + number, "user": _user("bo"), "state": "PENDING"},
        ],
        "review_comments_data": [
            {"id": 49 + number, "user": _user("dee"), "created_at": "2026-01-04T13:00:00Z",
             "reactions_data": []},
        ] if merged else {},
    }  # fmt: skip
    return item("GitHub", "pull_request", GITHUB, data)


def _gitlab_user(name: str) -> dict[str, Any]:
    return {"id": 1, "username": name, "name": name.title(), "state": "active"}


def _note(number: int, name: str, text: str, *, system: bool) -> dict[str, Any]:
    return {
        "id": number,
        "author": _gitlab_user(name),
        "body": text,
        "system": system,
        "created_at": "2026-01-03T08:00:00.482Z",
        "award_emoji_data": [],
    }


def _gitlab(**other: Any) -> dict[str, Any]:
    return {
        "id": 70_001,
        "iid": 3,
        "author": _gitlab_user("ada"),
        "assignees": [_gitlab_user("eve")],
        "created_at": "2026-01-02T08:00:00.073Z",
        "updated_at": "2026-01-04T08:00:00.566Z",
        "closed_at": None,
        "award_emoji_data": [],
        "notes_data": [
            _note(1, "bo", "looks good", system=False),
            _note(2, "cy", "closed", system=True),
            _note(3, "dee", "approved this merge request", system=True),
        ],
        **other,
    }


def _gerrit_user(name: str) -> dict[str, str]:
    return {"name": name.title(), "email": f"{name}@example.org", "username": name}


def _gerrit() -> dict[str, Any]:
    def comment(at: int, name: str, text: str) -> dict[str, Any]:
        return {"timestamp": at, "reviewer": _gerrit_user(name), "message": text}

    vote = {"type": "Code-Review", "value": "2", "grantedOn": 1_767_350_300,
            "by": _gerrit_user("bo")}  # fmt: skip
    submit = {"type": "SUBM", "value": "1", "grantedOn": 1_767_350_400, "by": _gerrit_user("cy")}
    data = {
        "project": "lantern/core",
        "branch": "main",
        "id": "I99",
        "number": 416,
        "owner": _gerrit_user("ada"),
        "createdOn": 1_767_350_000,
        "lastUpdated": 1_767_350_400,
        "status": "MERGED",
        "comments": [
            comment(1_767_350_000, "ada", "Uploaded patch set 1."),
            comment(1_767_350_200, "dee", "Patch Set 1:\n\nplease rebase"),
            comment(1_767_350_200, "dee", "Patch Set 1:\n\nand test"),
            comment(1_767_350_400, "cy", "Change has been successfully merged by Cy"),
        ],
        "patchSets": [
            {"number": 1, "uploader": _gerrit_user("ada"), "createdOn": 1_767_350_000,
             "approvals": [vote]},
            {"number": 2, "uploader": _gerrit_user("eve"), "createdOn": 1_767_350_250,
             "approvals": [vote, submit]},
        ],
    }  # fmt: skip
    return item("Gerrit", "review", "review.example.org", data)


def _texts(**fields: str) -> dict[str, Any]:
    """Return elements as Perceval's XML parser writes them."""
    return {name: [{"__text__": text}] for name, text in fields.items()}


def _bugzilla() -> dict[str, Any]:
    def comment(number: str, who: str, when: str) -> dict[str, Any]:
        return {**_texts(commentid=number, bug_when=when, thetext="x"),
                "who": [{"__text__": who, "name": "Some Name"}], "isprivate": "0"}  # fmt: skip

    def change(what: str, added: str, who: str = "cy@example.org") -> dict[str, str]:
        return {"Who": who, "When": "2026-01-04 12:00:00 CEST", "What": what, "Removed": "",
                "Added": added}  # fmt: skip

    data = {
        **_texts(bug_id="355", creation_ts="2026-01-02 11:49:00 +0200", component="lamp",
                 delta_ts="2026-01-04 12:04:11 +0200", bug_status="RESOLVED"),
        "reporter": [{"__text__": "ada@example.org", "name": "Ada A"}],
        "cc": [{"__text__": "eve@example.org"}],
        "long_desc": [
            comment("1", "ada@example.org", "2026-01-02 11:49:00 +0200"),
            comment("2", "bo@example.org", "2026-01-03 11:49:00 +0200"),
        ],
        "activity": [
            change("Status", "RESOLVED"),
            change("Resolution", "FIXED"),
            change("Severity", "low", "dee@example.org"),
            change("Priority", "low", "dee@example.org"),
        ],
    }  # fmt: skip
    return item("Bugzilla", "bug", "https://bugs.example.org/", data)


def _bugzilla_rest() -> dict[str, Any]:
    def changes(who: str, when: str, **added: str) -> dict[str, Any]:
        return {"who": who, "when": when, "changes": [
            {"field_name": name, "added": text, "removed": ""} for name, text in added.items()
        ]}  # fmt: skip

    def comment(number: int, who: str, when: str) -> dict[str, Any]:
        return {"id": number, "creator": who, "author": who, "creation_time": when, "time": when,
                "text": "x"}  # fmt: skip

    data = {
        "id": 1273,
        "creator": "ada@example.org",
        "creator_detail": {"name": "ada@example.org", "real_name": "Ada A"},
        "creation_time": "2026-01-02T09:44:44Z",
        "last_change_time": "2026-01-04T00:01:29Z",
        "component": "lamp",
        "cc": ["eve@example.org"],
        "comments": [
            comment(1, "ada@example.org", "2026-01-02T09:44:44Z"),
            comment(2, "bo@example.org", "2026-01-03T09:44:44Z"),
        ],
        "history": [
            changes("dee@example.org", "2026-01-03T10:00:00Z", cc="x", severity="low"),
            changes("cy@example.org", "2026-01-04T00:01:29Z", resolution="FIXED",
                    status="RESOLVED"),
        ],
        "attachments": [],
    }  # fmt: skip
    return item("BugzillaREST", "bug", "https://bugs.example.org", data)


def _mail(backend: str, category: str, origin: str, sender: str, **other: str) -> dict[str, Any]:
    data = {"From": sender, "Date": "Fri, 02 Jan 2026 14:26:40 +0100", "Message-ID": "<1@x>",
            "Subject": "lamps", "unixfrom": None, "body": {"plain": "hi"}, **other}  # fmt: skip
    return item(backend, category, origin, data)


def _discourse() -> dict[str, Any]:
    def post(number: int, name: str) -> dict[str, Any]:
        when = f"2026-01-0{number + 1}T20:07:49.062Z"
        return {"id": 80 + number, "post_number": number, "username": name, "created_at": when}

    data = {
        "id": 1148,
        "created_at": "2026-01-02T20:07:49.062Z",
        "last_posted_at": "2026-01-04T20:07:49.062Z",
        "details": {"created_by": {"username": "ada"}, "last_poster": {"username": "bo"}},
        "post_stream": {"posts": [post(1, "ada"), post(2, "bo"), post(3, "ada")]},
    }
    return item("Discourse", "topic", "https://forum.example.org", data)


def _pagure() -> dict[str, Any]:
    def person(name: str) -> dict[str, str]:
        return {"name": name, "fullname": name.title()}

    data = {
        "id": 12,
        "date_created": "1767350000",
        "last_updated": "1767360000",
        "closed_at": "1767360000",
        "closed_by": person("cy"),
        "user": person("ada"),
        "assignee": person("eve"),
        "comments": [
            {"id": 1, "user": person("bo"), "date_created": "1767351000", "notification": False},
            {"id": 2, "user": person("cy"), "date_created": "1767352000", "notification": True},
        ],
    }
    return item("Pagure", "issue", "https://pagure.io/lantern/beacon", data)


def _git() -> dict[str, Any]:
    data = {
        "commit": "ab" * 20,
        "parents": [],
        "refs": [],
        "Author": "Ada Awl <ada@example.org>",
        "AuthorDate": "Fri Jan 2 14:30:13 2026 -0300",
        "Commit": "GitHub <noreply@github.com>",
        "CommitDate": "Sat Jan 3 14:30:13 2026 -0300",
        "Co-authored-by": ["Bo Bell <bo@example.org>"],
        "Signed-off-by": ["Ada Awl <ada@example.org>"],
        "message": "Fix the lamp",
        "files": [],
    }
    return item("Git", "commit", f"{GITHUB}.git", data)


ITEMS: dict[str, dict[str, Any]] = {
    "git commit": _git(),
    "github issue": github_issue(1),
    "github issue that is a pull request": github_issue(
        2, comments=1, pull_request={"url": "https://api.github.com/repos/lantern/beacon/pulls/2"}
    ),
    "github pull request": _pull(2, merged=True),
    "github pull request, refused": _pull(4, merged=False),
    "github repo": item("GitHub", "repo", GITHUB, {
        "full_name": "lantern/beacon", "created_at": "2025-12-01T00:00:00Z", "forks_count": 3,
        "fetched_on": 1_767_300_000.1, "owner": {"login": "lantern", "type": "Organization"},
    }),
    "gitlab issue": item("GitLab", "issue", GITLAB, _gitlab(
        closed_at="2026-01-04T08:00:00Z", closed_by=_gitlab_user("cy"))),
    "gitlab merge request": item("GitLab", "merge_request", GITLAB, _gitlab(
        merged_at="2026-01-04T08:00:00Z", merged_by=_gitlab_user("cy"))),
    "gerrit": _gerrit(),
    "bugzilla": _bugzilla(),
    "bugzilla, rest": _bugzilla_rest(),
    "mbox": _mail("MBox", "message", "https://lists.example.org/lamps", "Ada Awl <a@x.org>"),
    "hyperkitty": _mail("HyperKitty", "message",
                        "https://lists.example.org/archives/list/lamps@lists.example.org/",
                        '"Awl, Ada" <a@x.org>'),
    "pipermail": _mail("Pipermail", "message", "https://lists.example.org/pipermail/lamps/",
                       "a at x.org (Ada Awl)"),
    "nntp": _mail("NNTP", "article", "news.example.org-org.lamps", "a@x.org",
                  Newsgroups="org.lamps"),
    "discourse": _discourse(),
    "pagure": _pagure(),
}  # fmt: skip
