"""`hubbub doctor`: what it says of machine, configuration and sources, without a broker."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hubbub.testing.bus import Bus
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from tests.support.commandline import Run
from tests.support.forges.fake_github import TOKEN, Kept, fake_github
from tests.support.processes import free_port


def checks(run: Run, *options: str | Path, code: int = 0) -> dict[str, dict[str, Any]]:
    result = run("doctor", *options, "--json")
    assert result.code == code, result.err
    return {check["name"]: check for check in json.loads(result.out)}


def test_a_machine_without_configuration(hubbub: Run, tmp_path: Path) -> None:
    result = hubbub("doctor", "--store", tmp_path / "s")
    assert result.code == 0
    assert "ok       Python: Python 3." in result.out
    assert f"store {tmp_path / 's'}: " in result.out
    assert "GiB free" in result.out
    assert "none is configured or named" in result.out
    assert result.out.endswith("no check failed\n")
    assert not (tmp_path / "s").exists()


def test_sources_that_answer(hubbub: Run, tmp_path: Path) -> None:
    traffic = Traffic(seed=1, per_day=200_000)
    with HistoryServer(traffic, days=1) as server, Bus("tcp://127.0.0.1:*") as bus:
        found = checks(
            hubbub, "--store", tmp_path / "s", "--zmq", bus.endpoint, "--url", server.url
        )
    assert found[bus.endpoint]["what"] == "a ZeroMQ publisher answers"
    assert found[f"history {server.url}"]["level"] == "ok"
    messages = int(found[f"history {server.url}"]["what"].split()[0].replace(",", ""))
    assert 0 < messages < 200_000


def test_sources_that_do_not_answer(hubbub: Run, tmp_path: Path) -> None:
    zmq = f"tcp://127.0.0.1:{free_port()}"
    amqp = f"amqp://user:secret@127.0.0.1:{free_port()}/"
    result = hubbub("doctor", "--store", tmp_path / "s", "--zmq", zmq, "--amqp", amqp)
    assert result.code == 4
    assert f"FAILED   {zmq}: no response for 5 s" in result.out
    assert "cannot connect: Connection refused" in result.out
    assert "secret" not in result.out + result.err
    assert "2 of 6 checks failed" in result.out


@pytest.fixture
def hangs_up() -> Iterator[int]:
    """A port that accepts connections and closes them."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):  # the server is closed
                while True:
                    server.accept()[0].close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_a_peer_of_another_protocol(hubbub: Run, tmp_path: Path, hangs_up: int) -> None:
    zmq, amqp = f"tcp://127.0.0.1:{hangs_up}", f"amqp://127.0.0.1:{hangs_up}/"
    found = checks(hubbub, "--store", tmp_path / "s", "--zmq", zmq, "--amqp", amqp, code=4)
    assert found[zmq]["what"].startswith("the peer ")  # which of two things is noticed first
    assert "not an AMQP 0-9-1 broker" in found[amqp]["what"]


def test_a_wrong_configuration_is_the_only_thing_checked(hubbub: Run, tmp_path: Path) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text("[listen]\nzqm = []\n")
    result = hubbub("doctor", "--config", config)
    assert result.code == 4
    assert "unknown key listen.zqm" in result.out
    assert "did you mean listen.zmq?" in result.out


def test_what_the_configuration_names(hubbub: Run, tmp_path: Path) -> None:
    with Bus("tcp://127.0.0.1:*") as bus:
        config = tmp_path / "hubbub.toml"
        config.write_text(f'store = "s"\n[listen]\nzmq = ["{bus.endpoint}"]\n')
        found = checks(hubbub, "--config", config)
    assert found[bus.endpoint]["level"] == "ok"
    assert f"store {tmp_path / 's'}" in found


def test_a_store_that_cannot_be_written(hubbub: Run, tmp_path: Path) -> None:
    found = checks(hubbub, "--store", "/proc/hubbub", code=4)
    assert found["store /proc/hubbub"]["level"] == "failed"


def test_fedoras_certificates_are_missing(hubbub: Run, tmp_path: Path, monkeypatch: Any) -> None:
    from hubbub.collector.amqp import certificates

    monkeypatch.setattr(
        certificates.find_fedora_certificates, "__kwdefaults__",
        {"folder": tmp_path / "etc", "environ": {}},
    )  # fmt: skip
    found = checks(hubbub, "--store", tmp_path / "s", "--amqp", "fedora", code=4)
    assert "certificates of Fedora's public bus" in found["AMQP"]["what"]
    assert "fedora-messaging" in found["AMQP"]["hint"]
    assert "sources" not in found, "one was named"


def test_hooks(hubbub: Run, tmp_path: Path) -> None:
    token, config = tmp_path / "token", tmp_path / "hubbub.toml"
    token.write_text(TOKEN)
    with fake_github() as github:
        config.write_text(
            '[hooks.forum]\nkind = "discourse"\n[hooks.forgejo]\nsecret = "s"\n'
            '[hooks.github]\nsecret = "s"\nrepository = "o/n"\nhook_id = 7\n'
            f'token_file = "token"\napi = "{github.url}"\n'
        )
        options = ("--store", tmp_path / "s", "--config", config)
        now = time.time()
        github.add(Kept("a", now - 100_000), Kept("b", now - 60, 401), Kept("c", now - 30, 200))
        found = checks(hubbub, *options, code=4)
        assert found["hook forum"]["level"] == "failed"
        assert "no secret" in found["hook forum"]["what"]
        assert found["hook forgejo"]["what"] == "takes deliveries of forgejo, signed"
        listed = found["GitHub's deliveries of github"]
        assert listed["what"] == "2 in the last day, of which 1 was not taken"
        assert listed["level"] == "ok"
        github.add(Kept("d", now, 0))
        listed = checks(hubbub, *options, code=4)["GitHub's deliveries of github"]
        assert (listed["level"], "was not answered" in listed["what"]) == ("warning", True)
        token.write_text("another")
        listed = checks(hubbub, *options, code=4)["GitHub's deliveries of github"]
        assert (listed["level"], "answers 401" in listed["what"]) == ("failed", True)
