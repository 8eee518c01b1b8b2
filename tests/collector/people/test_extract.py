"""Extracting people: precedence of the sources of names, legacy, modern and hostile bodies."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from hubbub.collector.event import Frame, Message, People
from hubbub.collector.people.extract import has_rule, people, understand
from hubbub.collector.people.lines import people_lines

PREFIX = "org.fedoraproject.prod"
SCHEMA = "fedora_messaging_schema"


def legacy(topic: str, body: object, **fields: object) -> People:
    return people({"topic": f"{PREFIX}.{topic}", "msg": body, **fields})


def modern(topic: str, body: object, **headers: object) -> People:
    return people({"topic": f"{PREFIX}.{topic}", "headers": headers, "body": body})


class TestPrecedence:
    BODY: ClassVar = {"agent": "body", "commit": {"repo": "vim", "namespace": "rpms"}}

    def test_headers_win(self):
        names = modern(
            "git.receive",
            self.BODY,
            fedora_messaging_user_header=True,
            fedora_messaging_rpm_emacs=True,
            fedora_messaging_user_no=False,
        )
        assert names.users == ("header",)
        assert names.objects == ("emacs",)

    def test_a_header_with_the_name_none_means_no_users(self):
        assert modern("git.receive", self.BODY, fedora_messaging_user_None=True).users == ()

    def test_the_body_is_used_if_no_header_states_users(self):
        assert modern("git.receive", self.BODY, **{"sent-at": "2022-01-05"}).users == ("body",)

    def test_meta_of_history_precedes_the_rules(self):
        names = legacy(
            "git.receive", self.BODY, meta={"usernames": ["meta", None], "packages": ["nano"]}
        )
        assert names == People("body", ("meta",), ("nano",))

    def test_users_of_a_raw_row_are_ignored(self):
        """They repeat the envelope's username, which the bus does not report as a person."""
        names = legacy("lab.plain", {}, users=["root"], packages=[], username="root")
        assert names.users == ()

    def test_the_envelopes_username_needs_a_rule(self):
        assert legacy("git.receive", {}, username="apache").users == ()
        assert legacy("logger.log", {}, username="ralph").users == ("ralph",)

    def test_names_stated_by_an_import(self):
        stated: dict[str, Any] = {"id": "1", "time": 0, "topic": "a.b", "body": {"agent": "x"}}
        assert people(Message(**stated, users=("b", "a", "b"))) == People(None, ("a", "b"), ())
        assert people(Message(**stated, agent="c")) == People("c", ("c",), ())
        assert people(Message(**stated, agent="c", users=("d",))) == People("c", ("d",), ())
        assert people(Message(**stated, agent="@c", users=("d",))) == People(None, ("d",), ())


class TestFamilies:
    """Rules for which the corpus has few messages, tested by the description of their family."""

    def test_git_takes_the_repository_from_the_topic(self):
        names = legacy("git.receive.python3.8.f31", {"commit": {"username": "churchyard"}})
        assert names == People("churchyard", ("churchyard",), ("python3.8",))
        assert legacy("git.branch.a.b.c.f31", {"agent": "x"}).objects == ("a.b.c",)
        assert legacy("git.lookaside.texlive.new", {"agent": "x"}).objects == ("texlive",)

    @pytest.mark.parametrize("namespace", ["rpms", "rpms-checks", None])
    def test_git_namespaces_of_packages(self, namespace):
        body = {"commit": {"repo": "vim", "namespace": namespace}}
        assert legacy("git.receive", body).objects == ("vim",)
        body["commit"]["namespace"] = "modules"
        assert legacy("git.receive", body).objects == ()

    def test_git_mass_branches(self):
        body = {"agent": "a", "unbranchedPackages": ["x"], "branchedPackages": ["y", None]}
        assert legacy("git.pkgdb2branch.complete", body).objects == ("x", "y")

    def test_bodhi_comment(self):
        comment = {"author": "lmacken", "text": "@bowlofeggs see me@example.org", "karma": 1}
        body = {"comment": comment | {"update_title": "foo-bar-1.0-1.fc20,baz-2-3.fc20"}}
        names = legacy("bodhi.update.comment", body)
        assert names == People("lmacken", ("bowlofeggs", "lmacken"), ("baz", "foo-bar"))

    def test_bodhi_title_that_is_a_sentence(self):
        body = {"update": {"title": "phpMyAdmin-4.9-1.fc29 and 2 more", "user": {"name": "a"}}}
        assert legacy("bodhi.update.edit", body).objects == ("phpMyAdmin",)

    def test_bodhi_without_title_uses_the_builds(self):
        body = {"update": {"builds": [{"nvr": "a-b-1-2.fc30"}, {"nvr": None}, 7]}}
        assert legacy("bodhi.update.eject", body).objects == ("a-b",)

    def test_bodhi_stack_and_masher(self):
        stack = {"agent": "x", "stack": {"name": "s", "packages": [{"name": "p"}, {"name": "q"}]}}
        assert legacy("bodhi.stack.save", stack) == People("x", ("x",), ("p", "q"))
        masher = {"agent": "releng", "updates": ["sec-2.8.2-1.el6"]}
        assert legacy("bodhi.masher.start", masher).objects == ("sec",)
        assert legacy("bodhi.mashtask.mashing", masher).objects == ()

    def test_askbot_mentions(self):
        body = {"agent": "a", "newly_mentioned_users": ["b", {"username": "c"}]}
        assert legacy("askbot.post.edit", body) == People("a", ("a", "b", "c"), ())

    def test_trac_cc(self):
        ticket = {"owner": "", "reporter": "a", "cc": "b, c,me@example.org"}
        assert legacy("trac.ticket.new", {"agent": "d", "ticket": ticket}).users == tuple("abcd")

    def test_pkgdb_acl_and_orphans(self):
        acl = {"fas_name": "b", "packagelist": {"package": {"name": "guake"}}}
        names = legacy("pkgdb.acl.delete", {"agent": ["a"], "acl": acl, "username": "orphan"})
        assert names == People("a", ("a", "b"), ("guake",))

    def test_irc_karma(self):
        names = legacy("irc.karma", {"agent": "a", "recipient": "b"})
        assert names == People("a", ("a", "b"), ())

    def test_github_groups(self):
        body = {"fas_usernames": {"x": "ralph", "y": "github_org_fedora", "z": None}}
        assert legacy("github.push", body).users == ("ralph",)

    def test_hotness_triggered_by_a_build(self):
        trigger: dict[str, Any] = {"topic": f"{PREFIX}.buildsys.build.state.change"}
        trigger["msg"] = {"owner": "ralph", "name": "arrow"}
        names = legacy("hotness.update.bug.followup", {"trigger": trigger})
        assert names == People("ralph", ("ralph",), ("arrow",))
        trigger["topic"] = f"{PREFIX}.buildsys.task.state.change"
        assert legacy("hotness.update.bug.followup", {"trigger": trigger}).users == ()

    def test_mdapi_differences(self):
        added = [["vim(x86)", "8"], ["/usr/bin/x", "0", "nano"], [], [7]]
        body = {"differences": {"requires": {"added": added, "removed": None}}}
        assert legacy("mdapi.repo.update", body).objects == ("nano", "vim")

    def test_faf(self):
        body = {"maintainers": ["a", "b"], "components": ["evolution"]}
        assert legacy("faf.report.threshold1", body) == People(None, ("a", "b"), ("evolution",))

    def test_koschei_and_kerneltest(self):
        assert legacy("koschei.package.state.change", {"name": "x"}).objects == ("x",)
        assert legacy("kerneltest.upload.new", {"agent": "a"}).objects == ("kernel",)

    def test_mailman_needs_the_directory(self):
        message = {"topic": f"{PREFIX}.mailman.receive", "msg": {"msg": {"from": "R B <r@b.c>"}}}
        assert people(message).users == ()
        assert people(message, directory={"r@b.c": "ralph"}).users == ("ralph",)

    def test_wiki(self):
        assert legacy("wiki.article.edit", {"user": "Ralph Bean"}).users == ("ralph bean",)
        assert legacy("wiki.article.edit", {"user": "10.1.2.3"}).users == ()
        names = modern("wiki.article.edit", {"user": "a", "title": "User:SomeUser/Talk"})
        assert names == People("a", ("a", "someuser"), ())

    def test_discourse_like(self):
        like = {"user": {"username": "a"}, "post": {"username": "b"}}
        names = modern("discourse.like.post_liked", {"webhook_body": {"like": like}})
        assert names == People("a", ("b",), ())

    def test_freeipa(self):
        body = {"IPA_API_ACTOR": "admin@X.Y", "IPA_API_PARAMS": '{"user": ["a", "b"]}'}
        assert modern("ipa.group_add_member.v1", body) == People("admin", ("a", "admin", "b"), ())
        body["IPA_API_PARAMS"] = "{"
        assert modern("ipa.group_add_member.v1", body).users == ("admin",)


HOSTILE: list[Any] = [
    None,
    [],
    {},
    7,
    "text",
    True,
    [[]],
    {"agent": {}},
    {"commit": []},
    {"update": {"title": 1}},
]


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("topic", ["git.receive", "bodhi.update.comment", "pkgdb.x", "mdapi.x"])
def test_a_body_that_does_not_fit_its_rule_has_no_users(topic, body):
    assert legacy(topic, body).users == ()
    assert modern(topic, body).users == ()


@pytest.mark.parametrize("mapping", [{}, {"topic": 7}, {"topic": None, "headers": 3}, {"body": 1}])
def test_a_mapping_in_another_format_has_no_people(mapping):
    assert people(mapping) == People(None, (), ())


def test_has_rule():
    assert has_rule(f"{PREFIX}.git.receive.a.b")
    assert has_rule("io.pagure.stg.pagure.issue.new")
    assert has_rule("org.centos.stage.ci.pipeline.complete")
    assert has_rule("", "bodhi.update.comment.v1")
    assert not has_rule(f"{PREFIX}.lab.plain")
    assert not has_rule("git")


def test_every_line_has_a_result():
    lines = [
        b"",
        b"{",
        b"[1]\n",
        b'{"a": 1}',
        b'{"topic": "x.y.prod.fas.z", "msg": {"agent": "a"}, "msg_id": 7}\r\n',
        b'{"id": "i", "topic": "x.y.prod.fas.z", "body": {"agent": "a", "user": "b"}}',
        b'{"topic": "x.y.prod.fas.z", "msg": {"agent": "a", "n": NaN}}',
        b"\xff",
    ]
    results = list(people_lines(lines))
    errors = [result.get("error", "").partition(":")[0] for result in results]
    assert errors == ["not-json", "not-json", "not-an-object", "no-body", "", "", "", "not-json"]
    assert results[5] == {
        "id": "i", "topic": "x.y.prod.fas.z", "agent": "a", "users": ["a", "b"], "objects": []
    }  # fmt: skip
    assert results[4]["id"] is None
    assert results[6]["users"] == ["a"]
    assert all(json.dumps(result) for result in results)


def test_understand():
    body: dict[str, Any] = {
        "msg_id": "1",
        "topic": f"{PREFIX}.git.receive",
        "timestamp": 1,
        "i": 9,
        "username": "u",
    }
    body["msg"] = {"commit": {"username": "a", "repo": "r"}}
    frame = Frame("zmq:tcp://x", 5, body["topic"].encode(), json.dumps(body).encode())
    event = understand(frame)
    assert (event.id, event.time, event.category, event.action) == ("1", 10**6, "git", "receive")
    assert (event.agent, event.users, event.objects) == ("a", ("a",), ("r",))
    assert (event.source, event.seq) == ("zmq:tcp://x", 9)
    assert event.size == len(b'{"commit":{"username":"a","repo":"r"}}')


class TestBeyondTheCorpus:
    """Cases in the descriptions of families that no message of the corpus covers."""

    def test_the_username_of_an_account_precedes_its_real_name(self):
        agent = {"username": "ralph", "name": "Ralph Bean"}
        assert legacy("fas.user.update", {"agent": agent, "user": "a"}).users == ("a", "ralph")

    @pytest.mark.parametrize(
        ("comment", "objects"),
        [
            ({"update": {"title": "k-1-2 j-3-4"}}, ("j", "k")),
            ({"update": {"title": "", "builds": [{"nvr": "a-b-1-2"}, {"nvr": None}]}}, ("a-b",)),
            ({"update": {"title": "k-1-2"}, "update_title": "other-1-2"}, ("k",)),
            ({"update_title": "foo-bar-1.0-1.fc18,baz-2-3"}, ("baz", "foo-bar")),
        ],
    )
    def test_a_comment_has_the_packages_of_its_update(self, comment, objects):
        names = legacy("bodhi.update.comment", {"comment": {"author": "x", "text": ""} | comment})
        assert names == People("x", ("x",), objects)

    @pytest.mark.parametrize(
        ("kind", "users"), [("user", ("h", "u")), ("stream", ()), ("team", ("u",)), (None, ("u",))]
    )
    def test_hubs_of_users_and_streams(self, kind, users):
        body = {"username": "u", "hub_name": "h", "hub_type": kind}
        assert legacy("hubs.user.role.added", body).users == users


class TestMissed:
    FRAME: ClassVar = {"msg_id": "1", "timestamp": 1_780_000_000, "topic": f"{PREFIX}.new.thing"}

    def missed(self, source: str = "zmq:x", **fields: object) -> str | None:
        missed: dict[str, str] = {}
        body = json.dumps({**self.FRAME, **fields}).encode()
        event = understand(Frame(source, 0, b"", body), missed=missed)
        return missed.get(event.id)

    def test_reasons(self):
        assert self.missed(msg={}) == "no-rule"
        assert self.missed(msg=None) == "no-rule"
        assert self.missed(msg={}, topic=f"{PREFIX}.git.receive") == "no-fit"
        assert self.missed(msg={"agent": "a"}, topic=f"{PREFIX}.git.receive") is None
        assert self.missed(msg={}, topic=f"{PREFIX}.compose.start") is None, "the rule is empty"

    def test_stated_names_need_no_rule(self):
        assert self.missed(body={}, headers={"fedora_messaging_user_a": True}) is None
        assert self.missed(msg={}, meta={"usernames": []}) is None
        line = {"id": "1", "topic": "a.b", "timestamp": 1}
        assert self.missed("jsonl:f", **line, users=[]) is None
        assert self.missed("jsonl:f", **line) is None, "a line without a body needs no rule"
        assert self.missed("jsonl:f", **line, body={"x": 1}) == "no-rule"

    def test_a_known_schema_is_enough(self):
        headers = {SCHEMA: "fedocal.calendar.new"}
        assert self.missed(body={}, headers=headers) == "no-fit"
