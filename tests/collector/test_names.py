"""Names of accounts and objects, bots, and topics."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from hubbub.collector.names import DEFAULT_BOTS, is_bot, normalise, normalise_object, visible
from hubbub.collector.topics import action, category, name_in_topic, without_prefix


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("ralph", "ralph"),
        (" ralph\n", "ralph"),
        ("u1", "u1"),
        ("José", "José"),
        ("Jose\u0301", "José"),
        ("a b", "a b"),
        ("<script>", "<script>"),
        ("a\x00b", "a\ufffdb"),
        ("a\ud800", "a\ufffd"),
        ("x" * 255, "x" * 255),
        ("1.2.3", "1.2.3"),
        ("none", "none"),
        ("ra\u200blph", "ralph"),
        ("\u202eralph\u202c", "ralph"),
        ("ra\u00adlph\ufe0f", "ralph"),
        ("Jose\u200d\u0301", "José"),
        ("\u200b @python", None),
        ("\u2060N\u200cone", None),
        ("a\u00a0b", "a b"),
        ("\u3164\u115f", None),
        ("a" + "\u0301\u0323" * 1_000_000, None),
        ("", None),
        ("  ", None),
        ("None", None),
        (" None ", None),
        ("me@example.org", None),
        ("@python", None),
        ("10.20.30.40", None),
        ("github_org_fedora", None),
        ("x" * 256, None),
        (None, None),
        (7, None),
        (True, None),
        (["a"], None),
    ],
)
def test_normalise(name, account):
    assert normalise(name) == account


def test_the_directory_resolves_addresses():
    directory = {"me@example.org": " ralph ", "you@example.org": "you@example.com"}
    assert normalise("me@example.org", directory) == "ralph"
    assert normalise("you@example.org", directory) is None
    assert normalise("other@example.org", directory) is None
    assert normalise("@me@example.org", directory) is None


def test_objects():
    assert normalise_object(" lib stdc++ ") == "lib stdc++"
    assert normalise_object("a@b") == "a@b"
    assert normalise_object("x" * 1021) is None
    assert normalise_object("None") is None
    assert normalise_object({}) is None


@pytest.mark.parametrize(
    "name", ["releng", "packit", "go-sig", "abrt-team", "kernel-maint", "zuul"]
)
def test_bots(name):
    assert is_bot(name)


@pytest.mark.parametrize("name", ["ralph", "releng2", "sig", "team-a", "Releng", "bodhi.x"])
def test_accounts_that_are_not_bots(name):
    assert not is_bot(name)


def test_custom_bots():
    assert is_bot("ci-3", ["ci-?"])
    assert not is_bot("releng", ["ci-?"])
    assert not is_bot("releng", [])
    assert len(set(DEFAULT_BOTS)) == len(DEFAULT_BOTS)


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("org.fedoraproject.prod.git.receive", ("git", "git.receive", "receive")),
        ("io.pagure.dev.pagure.issue.new", ("pagure", "pagure.issue.new", "issue.new")),
        ("org.centos.stage.ci.x", ("ci", "ci.x", "x")),
        (
            "org.example.main.loans.out",
            ("loans", "org.example.main.loans.out", "out"),
        ),
        ("a.b.prod.git", ("git", "git", None)),
        ("a.b.prod", ("a.b.prod", "a.b.prod", None)),
        ("a.b.prod.git.", ("git", "git.", None)),
        ("git", ("git", "git", None)),
        (
            "opensuse.obs.package.build_fail",
            ("obs.package", "obs.package.build_fail", "build_fail"),
        ),
        ("suse.obs.request.create", ("obs.request", "obs.request.create", "create")),
        ("opensuse.openqa.job.done", ("openqa.job", "openqa.job.done", "done")),
        ("opensuse.obs.metrics", ("obs.metrics", "obs.metrics", None)),
        (
            "opensuse.src.pool.issues.opened",
            ("src", "src.pool.issues.opened", "pool.issues.opened"),
        ),
        ("opensuse.src.push", ("src", "src.push", "push")),
        ("opensuse.src", ("src", "src", None)),
        ("opensuse", ("opensuse", "opensuse", None)),
        ("opensuse.", ("opensuse.", "opensuse.", None)),
    ],
)
def test_topics(topic, parts):
    assert (category(topic), without_prefix(topic), action(topic)) == parts


def test_name_in_topic():
    assert name_in_topic("a.b.prod.git.receive.python3.8.main") == "python3.8"
    assert name_in_topic("a.b.prod.git.receive.main") == ""
    assert name_in_topic("a.b.prod.git") == ""


def test_every_format_character_is_invisible():
    letters = map(chr, range(sys.maxunicode + 1))
    assert [c for c in letters if unicodedata.category(c) == "Cf" and visible(c)] == []
    assert visible("Ünï çødé 日本語 हिन्दी") == "Ünï çødé 日本語 हिन्दी"
