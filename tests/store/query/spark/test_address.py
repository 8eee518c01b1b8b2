"""Addresses of engines: what is accepted, what is shown, and which files they can read."""

import socket

import pytest

from hubbub.errors import EngineError, UsageError
from hubbub.store.query.spark.address import Address

TOKEN = "dapi-secret"
LOCAL = "sc://127.0.0.1:15002"


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        (LOCAL, "127.0.0.1", 15002),
        ("sc://spark.example.org", "spark.example.org", 15002),
        ("sc://spark.example.org:443/", "spark.example.org", 443),
        (f"sc://dbc.example.org:443/;use_ssl=true;token={TOKEN}", "dbc.example.org", 443),
        (f"sc://dbc.example.org/;token={TOKEN};", "dbc.example.org", 15002),
    ],
)
def test_an_address(url: str, host: str, port: int) -> None:
    address = Address.parse(url)
    assert (address.host, address.port, address.url) == (host, port, url)
    assert TOKEN not in f"{address} {address!r}"


@pytest.mark.parametrize(
    "url",
    ["spark", "http://localhost:15002", "sc://", "sc://h:port", "sc://h:70000", "sc://[::1]:1",
     f"sc://h/token={TOKEN}", f"sc://h/;{TOKEN}", f"sc://h?token={TOKEN}", f"sc://me:{TOKEN}@h",
     f"sc://h:port/;token={TOKEN}", f"x://h/;token={TOKEN}"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Address.parse(url)
    assert TOKEN not in str(caught.value)


def test_an_engine_elsewhere_cannot_read_a_folder_of_this_machine() -> None:
    elsewhere = "sc://192.0.2.1:15002"  # an address that no machine has
    with pytest.raises(UsageError, match="another machine"):
        Address.parse(elsewhere).require_files()
    Address.parse(elsewhere, shared=True).require_files()
    Address.parse(LOCAL).require_files()
    Address.parse("sc://localhost").require_files()


def test_where_an_engine_finds_a_file() -> None:
    address = Address.parse(LOCAL)
    assert address.location("/srv/store/events/month=2026-01/1.parquet") == (
        "file:///srv/store/events/month=2026-01/1.parquet"
    )
    assert address.location("mirror://bucket/h/events/1.parquet") == (
        "s3a://bucket/h/events/1.parquet"
    )
    with pytest.raises(UsageError, match="for a pattern"):
        address.location("/srv/[store]/1.parquet")


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(EngineError, match="cannot connect") as caught:
            Address.parse(f"sc://127.0.0.1:{taken.getsockname()[1]}").require_listener()
    assert caught.value.exit_code == 4


def test_no_such_host() -> None:
    with pytest.raises(EngineError, match="no such host"):
        Address.parse("sc://nobody.invalid").require_files()
