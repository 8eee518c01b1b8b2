"""Apprise sends in a process of its own; what failed before or after it arrived is told apart."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from hubbub.live.alerts.delivery.apprise_worker import classify
from hubbub.live.alerts.delivery.sender import AppriseSender, Outcome
from tests.support.notified import Inbox, inbox, mailbox
from tests.support.processes import free_port, wait_until


@pytest.fixture(scope="module")
def sender() -> Iterator[AppriseSender]:
    with AppriseSender() as sender:
        yield sender


@pytest.fixture
def box() -> Iterator[Inbox]:
    with inbox() as box:
        yield box


def test_a_message_arrives_once_as_it_is(sender: AppriseSender, box: Inbox) -> None:
    body = "▲ raised\nsince 10:40 {{ name }} :smile: \\n <b>&amp;"
    assert sender.send(box.url, "busy", body) == Outcome("sent")
    (message,) = box.received
    assert (message["title"], message["message"]) == ("busy", body)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_status_means_that_the_service_does_not_have_it(
    sender: AppriseSender, box: Inbox, status: int
) -> None:
    box.status = status
    outcome = sender.send(f"{box.url}?retry=3", "t", "b")
    assert outcome == Outcome("refused", f"the service answered with status {status}")
    assert len(box.received) == 1, "Apprise must not retry by itself"


def test_a_connection_that_ends_without_an_answer_is_unsure(
    sender: AppriseSender, box: Inbox
) -> None:
    box.status = 0
    outcome = sender.send(box.url, "t", "b")
    assert outcome == Outcome("unsure", "the connection broke before the service answered")


def test_no_answer_in_time_is_unsure(sender: AppriseSender, box: Inbox) -> None:
    box.status = -1
    outcome = sender.send(f"{box.url}?rto=0.3", "t", "b")
    assert outcome == Outcome("unsure", "the connection broke before the service answered")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("json://127.0.0.1:{port}/x", "the connection was refused"),
        ("json://no-such-host.invalid/x", "the host is not known"),
        (
            "mailto://user:secret@example.org:{port}?smtp=127.0.0.1&to=a@example.org",
            "the connection was refused",
        ),
        ("nonsense://secret", "Apprise cannot read the address of this channel"),
    ],
)
def test_what_does_not_reach_a_service_is_refused(
    sender: AppriseSender, url: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = sender.send(url.format(port=free_port()), "t", "b")
    assert outcome == Outcome("refused", why)
    assert "secret" not in str(capfd.readouterr())


def test_a_certificate_that_is_not_valid_is_refused(sender: AppriseSender, box: Inbox) -> None:
    outcome = sender.send(box.url.replace("json://", "jsons://"), "t", "b")
    assert outcome.state == "refused"
    assert not box.received


def test_a_process_that_dies_or_hangs_leaves_it_unsure(box: Inbox) -> None:
    box.status = -1
    with AppriseSender(limit=0.5) as sender:
        assert sender.send(f"{box.url}?rto=20", "t", "b").state == "unsure"
        before, outcomes = len(box.received), list[Outcome]()
        sender._limit = 60
        thread = threading.Thread(
            target=lambda: outcomes.append(sender.send(f"{box.url}?rto=20", "t", "b"))
        )
        thread.start()
        wait_until(lambda: len(box.received) > before)
        assert sender._process is not None
        os.kill(sender._process.pid, signal.SIGKILL)
        thread.join(30)
        assert outcomes == [Outcome("unsure", "the sending process ended meanwhile")]
        box.status = 200
        assert sender.send(box.url, "t", "b") == Outcome("sent"), "another process is started"


def test_a_mail_that_only_some_receivers_got_is_unsure() -> None:
    log = "Sent Email to one@example.org.\nFailed to send: Connection refused"
    assert classify(log)[0] == "unsure"


def test_a_mail_arrives_as_plain_text(sender: AppriseSender) -> None:
    body = "Raised: 3 messages/s\nRule: <b>busy</b>\nAlert 1: https://example.org/alerts/1"
    with mailbox() as box:
        assert sender.send(box.url, "▲ busy: topic x", body) == Outcome("sent")
        [mail] = box.received
        assert mail["title"] == "▲ busy: topic x"
        assert [line for line in mail["message"].splitlines() if line] == body.splitlines()
        assert mail["to"] == ["team@example.org"]


@pytest.mark.parametrize(("status", "state"), [(0, "unsure"), (451, "refused"), (554, "refused")])
def test_a_mail_that_is_not_taken(sender: AppriseSender, status: int, state: str) -> None:
    with mailbox() as box:
        box.status = status
        outcome = sender.send(box.url, "t", "b")
        assert (outcome.state, len(box.received)) == (state, 1), outcome
