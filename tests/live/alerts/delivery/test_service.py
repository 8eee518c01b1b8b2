"""What is due is sent by a listener, a server, or a run of jobs; wrong settings are refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.config import AlertConfig, Config, NotifyConfig, ServeConfig
from hubbub.errors import UsageError
from hubbub.live.alerts.delivery.service import (
    NotifyThread,
    notify_settings,
    public_address,
    send_once,
)
from hubbub.store import Store
from tests.live.alerts.delivery.support import Bench
from tests.support.commandline import Run
from tests.support.notified import Inbox, inbox
from tests.support.processes import wait_until


@pytest.fixture
def box() -> Iterator[Inbox]:
    with inbox() as box:
        yield box


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with an alert that is to be sent."""
    with Store.open(tmp_path / "store") as store:
        bench = Bench(store)
        bench.now = time.time_ns() // 1000
        bench.change()
    return tmp_path / "store"


def statuses(folder: Path) -> list[str]:
    with Store.open(folder, reading=True) as store:
        return Bench(store).statuses()


def test_one_of_several_processes_sends(folder: Path, box: Inbox) -> None:
    config = Config(
        notify={"team": box.url}, serve=ServeConfig(public_url="https://example.org/h/")
    )
    settings = notify_settings(config)
    with (
        NotifyThread(folder, settings),
        NotifyThread(folder, settings),
        Store.open(folder) as store,
    ):
        wait_until(lambda: statuses(folder) == ["sent"])
        assert send_once(store, config) == 0, "another one holds the lock"
    [message] = box.received
    assert message["message"].endswith("Alert 1: https://example.org/h/alerts/1")


def test_without_channels_nothing_runs(folder: Path) -> None:
    assert notify_settings(Config(alerts=(AlertConfig("busy"),))) is None
    with NotifyThread(folder, None) as thread:
        assert thread._thread is None


def test_a_run_of_jobs_sends(folder: Path, box: Inbox, tmp_path: Path, hubbub: Run) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text(f'[notify]\nteam = "{box.url}"\n[[alerts]]\nname = "busy"\nnotify = "team"\n')
    result = hubbub("jobs", "run", "--due", "--store", folder, "--config", config)
    assert result.code == 0, result.err
    assert box.titles == ["▲ busy"]
    assert "secret-path" not in result.out + result.err


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Config(alerts=(AlertConfig("busy", notify="team"),)), "no channel 'team'"),
        (
            Config(alerts=(AlertConfig("busy", notify="tean"),), notify={"team": "json://x"}),
            "no channel 'tean'",
        ),
        (Config(notify={"team": NotifyConfig()}), "no address"),
        (
            Config(
                notify={"team": "json://x"}, serve=ServeConfig(public_url="javascript:alert(1)")
            ),
            "public_url is no address",
        ),
    ],
)
def test_wrong_settings_are_refused(config: Config, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        notify_settings(config)


def test_without_apprise_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(UsageError) as caught:
        notify_settings(Config(notify={"team": "json://x"}))
    assert 'pip install "hubbub[notify]"' in caught.value.hint


@pytest.mark.parametrize(
    ("serve", "address"),
    [
        (ServeConfig(), "http://127.0.0.1:8717"),
        (ServeConfig(host="::1", port=80, root_path="/h/"), "http://[::1]:80/h"),
        (ServeConfig(public_url="https://example.org/hubbub/"), "https://example.org/hubbub"),
    ],
)
def test_the_address_of_permanent_links(serve: ServeConfig, address: str) -> None:
    assert public_address(Config(serve=serve)) == address


def test_a_channel_is_tried(folder: Path, box: Inbox, tmp_path: Path, hubbub: Run) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text(f'[notify]\nteam = "{box.url}"\n')
    options = ("--store", folder, "--config", config)
    done = hubbub("alerts", "check", "--test", "team", *options)
    assert (done.code, done.out) == (0, "the message was sent to team\n")
    assert box.titles == ["Test of hubbub"]
    box.status = 500
    failed = hubbub("alerts", "check", "--test", "team", *options)
    assert failed.code == 4
    assert "was not sent: the service answered with status 500" in failed.err
    assert "secret-path" not in failed.err
    assert hubbub("alerts", "check", "--test", "tean", *options).code == 2


def test_a_check_warns_of_channels_that_get_nothing(
    folder: Path, tmp_path: Path, hubbub: Run
) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text(
        '[notify]\nteam = "nonsense://secret"\n'
        '[[alerts]]\nname = "load"\nmeasure = "overload"\nnotify = "team"\n'
    )
    done = hubbub("alerts", "check", "--store", folder, "--config", config)
    assert done.code == 0, done.err
    assert "warning: channel team: Apprise cannot read the address of this channel" in done.err
    assert "warning: rule load: it is private, so nothing is sent to team" in done.err
    assert "secret" not in done.err


def test_other_settings_are_used_from_then_on(folder: Path, box: Inbox) -> None:
    with inbox() as other, NotifyThread(folder, None) as thread:
        thread.renew(notify_settings(Config(notify={"team": box.url})))
        wait_until(lambda: statuses(folder) == ["sent"])
        thread.renew(notify_settings(Config(notify={"team": other.url})))
        with Store.open(folder) as store:
            bench = Bench(store)
            bench.now = time.time_ns() // 1000
            bench.change("ended")
        wait_until(lambda: statuses(folder) == ["sent", "sent"])
        assert (box.titles, other.titles) == (["▲ busy"], ["▽ busy"])
        thread.renew(None)
        assert thread._thread is None
