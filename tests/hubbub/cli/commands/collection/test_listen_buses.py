"""Which buses `hubbub listen` is told to hear: options, configuration, mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.cli.app import App
from hubbub.cli.options.buses import live_sources
from hubbub.collector.sources.amqp import AmqpSource
from hubbub.collector.sources.zmq import ZmqSource
from hubbub.errors import UsageError
from tests.support.commandline import Run

NOTHING = dict.fromkeys(
    ("zmq", "zmq_bind", "amqp", "amqp_config", "amqp_ca", "amqp_cert", "amqp_key"), ()
)


def app_with(tmp_path: Path, text: str) -> App:
    app = App()
    app.config_path = tmp_path / "hubbub.toml"
    app.config_path.write_text(text)
    return app


def test_the_configuration_names_buses_side_by_side(tmp_path: Path) -> None:
    app = app_with(
        tmp_path,
        '[listen]\nzmq = ["tcp://h:1"]\namqp = ["amqps://a/v"]\namqp_config = ["fm.toml"]\n'
        'amqp_ca = "ca.pem"\n',
    )
    (tmp_path / "fm.toml").write_text('amqp_url = "amqp://b"')
    options = NOTHING | {"amqp_ca": None, "amqp_cert": None, "amqp_key": None}
    zmq, *brokers = live_sources(app, options, ("a.",), 1000)
    assert isinstance(zmq, ZmqSource)
    assert zmq.connect == ("tcp://h:1",)
    assert zmq.topics == ("a.",)
    assert [broker.settings.address for broker in brokers if isinstance(broker, AmqpSource)] == [
        "amqps://a/v", "amqp://b/"]  # fmt: skip
    assert all(
        broker.settings.ca == tmp_path / "ca.pem"
        for broker in brokers
        if isinstance(broker, AmqpSource)
    )


def test_options_replace_the_buses_of_the_configuration(tmp_path: Path) -> None:
    app = app_with(tmp_path, '[listen]\nzmq = ["tcp://h:1"]\namqp = ["amqp://a"]\n')
    options = NOTHING | {"zmq": ("tcp://h:2",), "amqp_ca": None, "amqp_cert": None}
    (source,) = live_sources(app, options | {"amqp_key": None}, (), 1000)
    assert isinstance(source, ZmqSource)
    assert source.connect == ("tcp://h:2",)


def test_one_broker_twice_is_a_mistake_but_two_queues_are_not(tmp_path: Path) -> None:
    app = app_with(tmp_path, "")
    files = {"amqp_ca": None, "amqp_cert": None, "amqp_key": None}
    twice = NOTHING | files | {"amqp": ("amqp://u:p@h", "amqp://h:5672/")}
    with pytest.raises(UsageError, match="named twice") as raised:
        live_sources(app, twice, (), 1000)
    assert raised.value.where == "amqp://h/"
    queues = NOTHING | files | {"amqp": ("amqp://h?queue=a", "amqp://h?queue=b")}
    assert len(live_sources(app, queues, (), 1000)) == 2


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ((), "there is nothing to listen to"),
        (("--amqp", "fedroa"), "did you mean fedora?"),
        (("--amqp", "amqp://u:secret@h/a/b"), "write / in the name of a virtual host as %2F"),
        (("--amqp-config", "nothing.toml"), "does not exist"),
    ],
)
def test_wrong_usage(hubbub: Run, options: tuple[str, ...], what: str) -> None:
    result = hubbub("listen", *options)
    assert result.code == 2
    assert what in result.err
    assert "secret" not in result.err
