"""Section `[engine]`: another query engine and its token."""

from pathlib import Path

import pytest

from hubbub.config import load
from hubbub.errors import UsageError
from tests.support.commandline import Run

URL = "sc://dbc.example.org:443"


def written(folder: Path, text: str) -> Path:
    file = folder / "hubbub.toml"
    file.write_text(f"[engine]\n{text}\n")
    return file


def test_without_one_the_engine_is_built_in(tmp_path: Path) -> None:
    for text in ("", 'url = "duckdb"'):
        assert load(written(tmp_path, text)).engine.connect_url is None


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}/;use_ssl=true"])
def test_a_token_is_sent_to_its_engine_only(url: str, tmp_path: Path, hubbub: Run) -> None:
    (tmp_path / "engine.token").write_text("dapi-1;2\n")
    file = written(tmp_path, f'url = "{url}"\ntoken_file = "engine.token"')
    config = load(file)
    separator = ";" if "/;" in url else "/;"
    assert config.engine.connect_url == f"{url.rstrip('/')}{separator}token=dapi-1%3B2"
    assert config.with_engine(None) == config.with_engine(url) == config
    assert config.with_engine("sc://other.example.org").engine.connect_url == (
        "sc://other.example.org"
    )
    assert config.with_engine("duckdb").engine.connect_url is None
    shown = hubbub("config", "show", "--config", file)
    assert (shown.code, "dapi" in shown.out, URL in shown.out) == (0, False, False)


def test_a_token_that_cannot_be_read(tmp_path: Path) -> None:
    config = load(written(tmp_path, f'url = "{URL}"\ntoken_file = "none.token"'))
    with pytest.raises(UsageError, match=r"none\.token"):
        _ = config.engine.connect_url
