"""The first contact with a broker: TLS with client certificates, and every way to be refused."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.bus.certificates import make_certificate
from tests.support.bus.fedmsg_lab import StartListener
from tests.support.bus.rabbitmq import PEERS, Broker, publish
from tests.support.processes import HUBBUB, free_port, within

pytestmark = pytest.mark.service("rabbitmq")


def refused(folder: Path, *options: str | Path) -> str:
    """Run `hubbub listen`, which must end with exit code 4; return what it says."""
    ended = subprocess.run(
        [*HUBBUB, "listen", "--store", folder / "store", *options],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 4, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def with_certificate(broker: Broker, folder: Path | None = None) -> list[str]:
    """Return the options of a client certificate: the broker's own, or another one."""
    certificate, key = broker.tls / "client.crt", broker.tls / "client.key"
    if folder is not None:
        certificate, key = folder / "leaf.crt", folder / "leaf.key"
    return ["--amqp-ca", str(broker.tls / "ca.crt"), "--amqp-cert", str(certificate),
            "--amqp-key", str(key)]  # fmt: skip


def amqps(broker: Broker) -> str:
    return f"amqps://hubbub-lab:@localhost:{broker.tls_port}/%2F"


def test_a_client_certificate_is_the_user(broker: Broker, listen: StartListener) -> None:
    listening = listen("--amqp", amqps(broker), *with_certificate(broker))
    listening.await_log("connected")
    publish(broker.url, [("a.b.c.d", {}, {"message_id": str(uuid.uuid4())})])
    assert listening.end() < within(5)
    assert listening.log("stopped")[0]["total"] >= 1


def test_a_fedora_messaging_configuration(
    broker: Broker, listen: StartListener, tmp_path: Path
) -> None:
    path = tmp_path / "fm.toml"
    path.write_text(
        f'amqp_url = "{amqps(broker)}"\n[tls]\nca_cert = "{broker.tls}/ca.crt"\n'
        f'keyfile = "{broker.tls}/client.key"\ncertfile = "{broker.tls}/client.crt"\n'
        '[client_properties]\napp = "test"\n[[bindings]]\nexchange = "amq.topic"\n'
        'routing_keys = ["only.#"]\n'
    )
    listening = listen("--amqp-config", str(path))
    listening.await_log("connected")
    publish(broker.url, [
        (topic, {}, {"message_id": str(uuid.uuid4())}) for topic in ("only.b.c.d", "other.b.c.d")
    ])  # fmt: skip
    listening.until(lambda: listening.stored().total())
    assert "only" in broker.bindings()
    listening.end()
    assert listening.log("stopped")[0]["total"] == 1


def test_a_ca_that_did_not_sign_the_broker(broker: Broker, tmp_path: Path) -> None:
    ca = Path(__file__).parents[2] / "captures" / "pki" / "ca.crt"
    said = refused(tmp_path, "--amqp", amqps(broker), "--amqp-ca", ca)
    assert "the broker's certificate is not accepted" in said
    assert "--amqp-ca" in said


def test_a_host_that_the_certificate_does_not_name(broker: Broker, tmp_path: Path) -> None:
    with other_broker(broker, tmp_path / "other", name="elsewhere") as port:
        said = refused(
            tmp_path, "--amqp", f"amqps://localhost:{port}/", "--amqp-ca", broker.tls / "ca.crt"
        )
    assert "the broker's certificate is not accepted" in said
    assert "localhost" in said


def test_an_expired_client_certificate(broker: Broker, tmp_path: Path) -> None:
    make_certificate(tmp_path / "old", broker.tls, days=(-9, -2))
    said = refused(tmp_path, "--amqp", amqps(broker), *with_certificate(broker, tmp_path / "old"))
    assert "the client certificate expired on" in said


def test_no_client_certificate(broker: Broker, tmp_path: Path) -> None:
    said = refused(tmp_path, "--amqp", amqps(broker), "--amqp-ca", broker.tls / "ca.crt")
    assert "client certificate" in said


def test_a_client_certificate_of_another_ca(broker: Broker, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run([sys.executable, PEERS / "tls.py", other], check=True)
    said = refused(
        tmp_path, "--amqp", amqps(broker), "--amqp-ca", broker.tls / "ca.crt",
        "--amqp-cert", other / "client.crt", "--amqp-key", other / "client.key",
    )  # fmt: skip
    assert re.search(r"does not accept the (CA of the )?client certificate", said)


def test_an_unknown_user_of_a_certificate(broker: Broker, tmp_path: Path) -> None:
    make_certificate(tmp_path / "who", broker.tls, name="somebody-else")
    said = refused(tmp_path, "--amqp", amqps(broker), *with_certificate(broker, tmp_path / "who"))
    assert "the broker refuses the user of this client certificate" in said


def test_a_wrong_password(broker: Broker, tmp_path: Path) -> None:
    said = refused(tmp_path, "--amqp", f"amqp://guest:secret@127.0.0.1:{broker.port}/")
    assert "the broker refuses the user 'guest' or the password" in said
    assert "secret" not in said


def test_an_unknown_virtual_host(broker: Broker, tmp_path: Path) -> None:
    said = refused(tmp_path, "--amqp", f"{broker.url}nowhere")
    assert "no virtual host 'nowhere' for this user" in said


def test_an_unknown_exchange(broker: Broker, tmp_path: Path) -> None:
    said = refused(tmp_path, "--amqp", f"{broker.url}?exchange=nothing")
    assert "the broker has no exchange 'nothing'" in said


def test_a_queue_with_other_properties(broker: Broker, tmp_path: Path) -> None:
    path = tmp_path / "fm.toml"
    path.write_text(
        f'amqp_url = "{broker.url}%2F"\n[queues.{uuid.uuid4()}]\ndurable = true\n'
        'arguments = { "x-max-length" = -1 }\n'
    )
    said = refused(tmp_path, "--amqp-config", path)
    assert "the queue" in said


@contextmanager
def other_broker(
    broker: Broker, folder: Path, *, name: str = "localhost", days: tuple[float, float] = (-9, 2)
) -> Iterator[int]:
    """Serve TLS with another certificate of the broker's CA."""
    certificate, key = make_certificate(folder, broker.tls, name=name, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with suppress(OSError), context.wrap_socket(connection, server_side=True):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_a_broker_with_an_expired_certificate(broker: Broker, tmp_path: Path) -> None:
    with other_broker(broker, tmp_path / "old", days=(-9, -2)) as port:
        said = refused(
            tmp_path, "--amqp", f"amqps://localhost:{port}/", "--amqp-ca", broker.tls / "ca.crt"
        )
    assert "the broker's certificate is not accepted: certificate has expired" in said


def test_a_broker_that_is_not_there_is_tried_again(broker: Broker, listen: StartListener) -> None:
    listening = listen("--amqp", f"amqp://127.0.0.1:{free_port()}/")
    listening.await_log("cannot connect: Connection refused")
    assert listening.end() < within(5)
    assert listening.process.returncode == 0


def test_a_refusal_after_the_first_contact_is_tried_again(
    broker: Broker, listen: StartListener
) -> None:
    user = f"u{uuid.uuid4().hex[:6]}"
    users = "rabbit_auth_backend_internal"
    assert broker.call(f"{users}:add_user", user, "pw", "test") == "ok"
    broker.permit(user, "/")
    listening = listen("--amqp", f"amqp://{user}:pw@127.0.0.1:{broker.port}/")
    listening.await_log("connected")
    assert broker.call(f"{users}:change_password", user, "other", "test") == "ok"
    broker.call("rabbit_networking:close_all_user_connections", user, "test")
    listening.await_log(f"the broker refuses the user '{user}' or the password")
    assert broker.call(f"{users}:change_password", user, "pw", "test") == "ok"
    listening.await_log("reconnected")
    listening.end()
    assert broker.call(f"{users}:delete_user", user, "test") == "ok"
