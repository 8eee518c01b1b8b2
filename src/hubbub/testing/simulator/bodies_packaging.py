"""Bodies of topics about packages: sources, builds, tests, updates.

Each function makes the body of one family of topics, shaped like the real service's.
"""

from __future__ import annotations

from hubbub.testing.simulator.message import Body, Context, Json
from hubbub.testing.simulator.names import BRANCHES


def git(c: Context) -> Body:
    """A push."""
    commit = {
        "agent": c.agent,
        "branch": BRANCHES[c.number % len(BRANCHES)],
        "email": f"{c.agent}@example.org",
        "message": "",
        "name": c.agent.capitalize(),
        "namespace": "rpms",
        "repo": c.package,
        "rev": f"{c.number:040x}",
        "seen": False,
        "stats": {"total": {"additions": c.number % 50, "deletions": c.number % 9, "files": 1}},
        "username": c.agent,
    }
    return Body({"agent": c.agent, "commit": commit}, commit, "message", (c.package,))


def git_tail(c: Context, branch: str) -> Body:
    """A new branch, or new sources if `branch` is empty; the topic contains the package's name."""
    body = {"agent": c.agent, "name": c.package, "namespace": "rpms", "description": ""}
    if branch:
        body["branch"] = branch
    else:
        body |= {"filename": f"{c.package}.tar.xz", "md5sum": f"{c.number:032x}"}
    return Body(body, body, "description", (c.package,))


def build(c: Context) -> Body:
    """A state change of a build."""
    version, _, release = c.release.partition("-")
    body = {
        "attribute": "state",
        "build_id": c.number % 3_000_000,
        "instance": "primary",
        "name": c.package,
        "new": 1 + c.number % 3,
        "old": 0,
        "owner": c.agent,
        "release": release,
        "request": [f"git+https://src.example.org/rpms/{c.package}", "rawhide", {}],
        "task": "",
        "task_id": c.number % 140_000_000,
        "version": version,
    }
    return Body(body, body, "task", (c.package,))


def task(c: Context) -> Body:
    """A state change of a task."""
    info: Json = {"label": "", "method": "build", "priority": 20, "arch": "noarch"}
    body = {
        "attribute": "state",
        "id": c.number % 140_000_000,
        "info": info,
        "instance": "primary",
        "method": "build",
        "new": "CLOSED",
        "old": "OPEN",
        "owner": c.agent,
        "srpm": f"{c.nvr}.src.rpm",
    }
    return Body(body, info, "label")


def tag(c: Context) -> Body:
    """A tag added to a build."""
    version, _, release = c.release.partition("-")
    body = {
        "build_id": c.number % 3_000_000,
        "info": "",
        "instance": "primary",
        "name": c.package,
        "owner": c.users[-1],
        "release": release,
        "tag": "f44-updates-candidate",
        "tag_id": c.number % 90_000,
        "user": c.agent,
        "version": version,
    }
    return Body(body, body, "info", (c.package,))


def sign(c: Context) -> Body:
    """A signed package, without users."""
    info = {
        "arch": "x86_64",
        "build_id": c.number % 3_000_000,
        "name": c.package,
        "payloadhash": "",
    }
    body = {"attribute": "sighash", "info": info, "instance": "primary", "new": f"{c.number:032x}"}
    return Body(body, info, "payloadhash", (c.package,))


def repo(c: Context) -> Body:
    """A new repository, without users."""
    body = {"instance": "primary", "repo_id": c.number % 9_000_000, "tag": "f44-build", "log": ""}
    return Body(body, body, "log")


def listing(c: Context) -> Body:
    """A package added to a list."""
    body = {"instance": "primary", "package": c.package, "tag": "f44", "action": "add", "log": ""}
    return Body(body, body, "log", (c.package,))


def request(c: Context) -> Body:
    """A request to push an update."""
    update = {
        "notes": "",
        "request": c.action,
        "status": "pending",
        "submitter": c.users[-1],
        "title": f"{c.nvr},{c.other}-{c.release}",
        "type": "bugfix",
    }
    objects = tuple(sorted({c.package, c.other}))
    return Body({"agent": c.agent, "update": update}, update, "notes", objects)


def override(c: Context) -> Body:
    """A buildroot override: a build used before its update is pushed."""
    override = {"build": c.nvr, "notes": "", "submitter": c.agent}
    return Body({"override": override}, override, "notes", (c.package,))


def comment(c: Context) -> Body:
    """A comment on an update, which may mention other users."""
    comment = {
        "karma": c.number % 3 - 1,
        "text": "",
        "timestamp": float(c.time),
        "update_title": c.nvr,
        "user": c.agent,
    }
    body: Json = {"comment": comment}
    if len(c.users) > 1:
        update = {"title": c.nvr, "submitter": c.users[1], "request": "stable", "notes": ""}
        body |= {"update": update, "agent": c.agent}
        comment["text"] = " ".join(f"@{name}" for name in c.users[2:])
        return Body(body, update, "notes", (c.package,))
    return Body(body, comment, "text", (c.package,))


def copr(c: Context) -> Body:
    """A Copr build."""
    body = {
        "build": c.number % 9_000_000,
        "chroot": "fedora-44-x86_64",
        "copr": f"{c.package}-nightly",
        "owner": c.users[-1],
        "pkg": c.package,
        "status": 1,
        "user": c.agent,
        "version": c.release,
        "what": "",
    }
    return Body(body, body, "what")


def ci(c: Context) -> Body:
    """A pipeline run on a user's behalf."""
    body = {
        "branch": "f44",
        "build_id": str(c.number % 999),
        "message-content": "",
        "repo": c.package,
        "status": "SUCCESS",
        "username": c.agent,
    }
    return Body(body, body, "message-content")


def koschei(c: Context) -> Body:
    """A package that builds again."""
    body = {"collection": "f44", "log": "", "name": c.package, "new": "ok", "old": "failing"}
    return Body(body, body, "log", (c.package,))


def greenwave(c: Context) -> Body:
    """A gating decision on an update."""
    body = {
        "decision_context": "bodhi_update_push_stable",
        "policies_satisfied": True,
        "subject": [{"item": c.nvr, "type": "koji_build"}],
        "summary": "",
    }
    return Body(body, body, "summary", (c.package,))


def result(c: Context) -> Body:
    """A test result."""
    result = {"id": str(c.number % 90_000_000), "log_url": "", "outcome": "PASSED"}
    task = {"item": c.nvr, "name": "rpmlint", "type": "koji_build"}
    return Body({"result": result, "task": task}, result, "log_url", (c.package,))
