"""The topics of the simulated bus: 300 fixed ones, and a tail of 28,000 with package names.

A family is a group of topics whose bodies have the same shape; `bodies` makes them.
"""

from __future__ import annotations

from functools import cache
from itertools import accumulate

from hubbub.testing.simulator.names import BRANCHES

__all__ = ["FAMILIES", "TAIL_SIZE", "TOPICS", "tail_topic", "topic_cdf", "unknown_topic"]

PREFIX = "org.fedoraproject.prod."
_PDC = (
    "compose compose-image compose-rpm release release-component global-component product "
    "product-version base-product image rpm arch content-delivery repo variant person "
    "component-branch component-sla bugzilla-component contact-role"
).split()
_COMPOSES = "rawhide branched epel eln coreos iot cloud kinoite silverblue server".split()
_STEPS = (
    "start complete mash.start mash.complete rsync.start rsync.complete pungify.start "
    "pungify.complete image.start"
).split()

#: Topics of each family, busiest first; PREFIX is added below, except to topics in `io.`.
FAMILIES: dict[str, tuple[str, ...]] = {
    "git": ("git.receive",),
    "build": ("buildsys.build.state.change",),
    "task": ("buildsys.task.state.change",),
    "tag": ("buildsys.tag", "buildsys.untag"),
    "sign": ("buildsys.rpm.sign",),
    "repo": ("buildsys.repo.init", "buildsys.repo.done"),
    "listing": ("buildsys.package.list.change",),
    "request": (
        "bodhi.update.request.testing",
        "bodhi.update.request.stable",
        "bodhi.update.edit",
        "bodhi.update.request.unpush",
        "bodhi.update.request.obsolete",
        "bodhi.update.request.revoke",
    ),
    "override": ("bodhi.buildroot_override.tag", "bodhi.buildroot_override.untag"),
    "comment": ("bodhi.update.comment",),
    "copr": ("copr.build.end", "copr.build.start", "copr.chroot.start", "copr.chroot.complete"),
    "pagure": tuple(
        f"io.pagure.prod.pagure.{name}"
        for name in (
            "pull-request.comment.added",
            "issue.comment.added",
            "pull-request.new",
            "pull-request.flag.added",
            "issue.new",
            "pull-request.closed",
            "issue.edit",
            "pull-request.flag.updated",
            "issue.tag.added",
            "pull-request.initial_comment.edited",
            "issue.assigned.added",
            "issue.tag.removed",
            "pull-request.tag.added",
            "issue.drop",
            "issue.dependency.added",
            "issue.assigned.reset",
            "request.assigned.added",
            "project.new",
            "project.edit",
            "project.user.added",
            "project.group.added",
            "project.deleted",
        )
    ),
    "wiki": ("wiki.article.edit", "wiki.upload.complete"),
    "badge": ("fedbadges.badge.award",),
    "rank": ("fedbadges.person.rank.advance", "fedbadges.person.login.first"),
    "planet": ("planet.post.new",),
    "askbot": (
        "askbot.post.edit",
        "askbot.tag.update",
        "askbot.post.delete",
        "askbot.post.flag_offensive.add",
        "askbot.post.flag_offensive.delete",
    ),
    "fas": ("fas.group.member.sponsor", "fas.group.member.apply", "fas.user.update"),
    "fedocal": (
        "fedocal.meeting.update",
        "fedocal.meeting.new",
        "fedocal.meeting.delete",
        "fedocal.calendar.update",
        "fedocal.calendar.new",
        "fedocal.calendar.upload",
        "fedocal.calendar.delete",
    ),
    "ansible": ("ansible.playbook.start", "ansible.playbook.complete"),
    "nuancier": ("nuancier.candidate.new", "nuancier.election.new", "nuancier.election.update"),
    "github": (
        "github.push",
        "github.issue.comment",
        "github.pull_request.opened",
        "github.pull_request.closed",
        "github.issue.opened",
        "github.issue.closed",
        "github.create",
        "github.delete",
        "github.fork",
        "github.status",
        "github.watch",
    ),
    "forum": (
        "discourse.post.post_created",
        "discourse.post.post_edited",
        "discourse.topic.topic_created",
        "discourse.topic.topic_edited",
        "discourse.post.post_destroyed",
        "discourse.topic.topic_destroyed",
        "discourse.post.post_recovered",
        "discourse.topic.topic_recovered",
    ),
    "waiver": ("waiverdb.waiver.new",),
    "infragit": ("infragit.receive",),
    "trac": (
        "trac.ticket.update",
        "trac.ticket.new",
        "trac.wiki.page.update",
        "trac.wiki.page.new",
        "trac.ticket.delete",
    ),
    "karma": ("irc.karma",),
    "meeting": ("meetbot.meeting.complete", "meetbot.meeting.start"),
    "ci": (
        "ci.pipeline.complete",
        "ci.pipeline.running",
        "ci.pipeline.queued",
        "ci.package.complete",
        "ci.package.running",
        "ci.image.complete",
        "ci.image.running",
        "ci.image.queued",
    ),
    "koschei": ("koschei.package.state.change",),
    "greenwave": ("greenwave.decision.update",),
    "result": ("taskotron.result.new",),
    "mdapi": ("mdapi.repo.update",),
    "fedimg": (
        "fedimg.image.upload",
        "fedimg.image.test",
        "fedimg.image.copy",
        "fedimg.image.publish",
    ),
    "autocloud": (
        "autocloud.image.running",
        "autocloud.image.success",
        "autocloud.image.queued",
        "autocloud.image.failed",
        "autocloud.compose.running",
        "autocloud.compose.queued",
        "autocloud.compose.complete",
    ),
    "mirrors": tuple(
        f"mirrormanager.{name}" for name in ("crawler.start", "crawler.complete", "statistics")
    ),
    "jenkins": tuple(
        f"jenkins.build.{s}"
        for s in ("passed", "start", "failed", "unstable", "aborted", "notbuilt")
    ),
    "pungi": tuple(
        f"pungi.compose.{name}"
        for name in (
            "phase.start",
            "phase.stop",
            "status.change",
            "createiso.imagedone",
            "createiso.targets",
            "createiso.imagefail",
            "ostree",
            "fail.to.start",
        )
    ),
    "compose": tuple(f"compose.{name}.{step}" for step in _STEPS for name in _COMPOSES),
    "pdc": tuple(f"pdc.{name}.{verb}" for verb in ("changed", "added", "removed") for name in _PDC),
    "zanata": tuple(
        f"zanata.{name}"
        for name in (
            "document.statistics",
            "document.milestone",
            "project.version.update",
            "source.document.change",
            "source.document.remove",
            "manual.event",
        )
    ),
    "releng": tuple(
        f"releng.{name}"
        for name in (
            "atomic.twoweek.begin",
            "atomic.twoweek.complete",
            "cloud.release.begin",
            "cloud.release.complete",
        )
    ),
    "datanommer": ("datanommer.status",),
}
FAMILIES = {
    family: tuple(t if t.startswith("io.") else PREFIX + t for t in topics)
    for family, topics in FAMILIES.items()
}
#: All topics that contain no package name.
TOPICS = tuple(topic for topics in FAMILIES.values() for topic in topics)
#: Number of topics that contain a package name.
TAIL_SIZE = 28_000

_UNKNOWN = (
    PREFIX + "scrapyard.lantern.lit",
    PREFIX + "weather.frost.warning",
    "com.example.prod.orders.placed",
    PREFIX + "tea.kettle.boiled",
    "heartbeat",
)


@cache
def topic_cdf(family: str) -> tuple[float, ...]:
    """Return the cumulative shares of a family's topics: a Zipf distribution, exponent 1.1."""
    weights = [(rank + 1) ** -1.1 for rank in range(len(FAMILIES[family]))]
    total = sum(weights)
    sums = [w / total for w in accumulate(weights)]
    sums[-1] = 1.0
    return tuple(sums)


def tail_topic(number: int, package: str) -> tuple[str, str]:
    """Return a topic that contains the package's name, and its branch (empty: new sources).

    Odd numbers give `git.branch.PACKAGE.BRANCH`, even numbers `git.lookaside.PACKAGE.new`.
    """
    if number % 2:
        branch = BRANCHES[number // 2 % len(BRANCHES)]
        return f"{PREFIX}git.branch.{package}.{branch}", branch
    return f"{PREFIX}git.lookaside.{package}.new", ""


def unknown_topic(number: int) -> str:
    """Return a topic that no people rule covers."""
    return _UNKNOWN[number % len(_UNKNOWN)]
