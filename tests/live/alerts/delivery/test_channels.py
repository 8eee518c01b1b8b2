"""Channels are read from text, file or environment, and their addresses are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.config import NotifyConfig, load
from hubbub.errors import UsageError
from hubbub.live.alerts.delivery.channels import Channel, read_channels

URL = "matrixs://hubbub:secret@example.org/#team"


def test_an_address_is_given_as_text_in_a_file_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.secret").write_text(f"{URL}\n")
    (tmp_path / "hubbub.toml").write_text(
        f'[notify]\nteam = "{URL}"\n[notify.list]\nurl_file = "list.secret"\npeople = true\n'
        '[notify.ralph]\nurl_env = "RALPH_URL"\nperson = "ralph"\n'
    )
    monkeypatch.setenv("RALPH_URL", URL)
    channels = read_channels(load(tmp_path / "hubbub.toml").notify)
    assert list(channels.values()) == [
        Channel("team", URL),
        Channel("list", URL, people=True),
        Channel("ralph", URL, person="ralph"),
    ]
    assert "secret" not in repr(channels)


@pytest.mark.parametrize(
    ("name", "section", "message"),
    [
        ("Team", URL, "cannot name a channel"),
        ("team", NotifyConfig(), "no address"),
        ("team", NotifyConfig(url=URL, url_env="X"), "both `url` and `url_env`"),
        ("team", NotifyConfig(url_env="NOT_SET_ANYWHERE"), "is not set"),
        ("team", NotifyConfig(url_env="no name=secret"), "no name of an environment variable"),
        ("team", NotifyConfig(url_file="/nowhere/secret"), "cannot be read"),
        ("team", "secret without a scheme", "the address cannot be read"),
        ("team", f"{URL} {URL}", "the address cannot be read"),
        ("team", "json://" + "x" * 5_000, "the address cannot be read"),
    ],
)
def test_what_cannot_be_a_channel_is_refused(
    name: str, section: str | NotifyConfig, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_channels({name: section})
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_an_unknown_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hubbub.toml").write_text('[notify.team]\nurll = "json://x"\n')
    with pytest.raises(UsageError, match=r"unknown key notify\.team\.urll"):
        load(tmp_path / "hubbub.toml")
