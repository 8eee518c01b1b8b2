"""Events of GitHub in the shapes of GH Archive; every name is invented."""

from __future__ import annotations

from typing import Any

__all__ = ["ARCHIVE", "archived"]


def archived(
    kind: str, nth: int = 1, repo: str = "lantern/beacon", **payload: Any
) -> dict[str, Any]:
    """Return an event of GH Archive."""
    return {
        "id": str(30_000_000_000 + nth),
        "type": kind,
        "actor": {"id": 1, "login": "ada", "url": "https://api.github.com/users/ada"},
        "repo": {"id": 2, "name": repo, "url": f"https://api.github.com/repos/{repo}"},
        "payload": payload,
        "public": True,
        "created_at": "2026-01-02T10:00:01Z",
        "org": {"id": 3, "login": "lantern"},
    }


_ISSUE = {"number": 1, "user": {"login": "ada"}, "created_at": "2026-01-02T10:00:00Z"}
_OLD = {
    "type": "IssuesEvent",
    "actor": "ada",
    "actor_attributes": {"login": "ada", "type": "User"},
    "repository": {
        "id": 2,
        "name": "beacon",
        "owner": "lantern",
        "url": "https://github.com/lantern/beacon",
    },
    "payload": {"action": "opened", "issue": 9_009, "number": 9},
    "public": True,
    "url": "https://github.com/lantern/beacon/issues/9",
    "created_at": "2012/03/10 22:00:00 -0800",
}
ARCHIVE: dict[str, dict[str, Any]] = {
    "opened": archived("IssuesEvent", 1, action="opened", issue=_ISSUE),
    "closed": archived("IssuesEvent", 2, action="closed",
                       issue={**_ISSUE, "closed_at": "2026-01-04T10:00:00Z"}),
    "reopened": archived("IssuesEvent", 3, action="reopened", issue=_ISSUE),
    "comment": archived("IssueCommentEvent", 4, action="created", issue=_ISSUE,
                        comment={"id": 100, "user": {"login": "bo"},
                                 "created_at": "2026-01-03T10:00:00Z"}),
    "pull request": archived("PullRequestEvent", 5, action="opened", number=2, pull_request={
        "number": 2, "created_at": "2026-01-02T12:00:00Z", "merged": False}),
    "merged": archived("PullRequestEvent", 6, action="closed", number=2, pull_request={
        "number": 2, "merged": True, "merged_at": "2026-01-05T12:00:00Z"}),
    "refused": archived("PullRequestEvent", 7, action="closed", number=4, pull_request={
        "number": 4, "merged": False, "closed_at": "2026-01-05T12:00:00Z"}),
    "review": archived("PullRequestReviewEvent", 8, action="created", pull_request={"number": 2},
                       review={"id": 41, "submitted_at": "2026-01-04T12:00:00Z"}),
    "review comment": archived("PullRequestReviewCommentEvent", 9, action="created",
                               pull_request={"number": 2},
                               comment={"id": 51, "created_at": "2026-01-04T13:00:00Z"}),
    "push": archived("PushEvent", 10, push_id=1, size=1, ref="refs/heads/main"),
    "branch": archived("CreateEvent", 11, ref="next", ref_type="branch"),
    "tag deleted": archived("DeleteEvent", 12, ref="v1", ref_type="tag"),
    "fork": archived("ForkEvent", 13, forkee={"full_name": "bo/beacon"}),
    "star": archived("WatchEvent", 14, action="started"),
    "public": archived("PublicEvent", 15),
    "wiki": archived("GollumEvent", 16, pages=[]),
    "commit comment": archived("CommitCommentEvent", 17, comment={
        "id": 1, "created_at": "2026-01-02T10:00:01Z"}),
    "release": archived("ReleaseEvent", 18, action="published", release={"id": 1}),
    "member": archived("MemberEvent", 19, action="added", member={"login": "bo"}),
    "sponsor": archived("SponsorshipEvent", 20, action="created"),
    "of 2012": _OLD,
}  # fmt: skip
