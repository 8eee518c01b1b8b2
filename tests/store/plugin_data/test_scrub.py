"""A forgotten name is in no cache and no file of plugins."""

from __future__ import annotations

from pathlib import Path

from hubbub.store import Store
from hubbub.store.plugin_data.cache import Cache, cache_of
from hubbub.store.plugin_data.files import Files
from hubbub.store.privacy.forget import forget


def test_forget_reaches_cache_and_files(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        cache, files = Cache(cache_of(store.state), "mine"), Files(store.state, "mine", "mine")
        cache.set("top", {"user": "Secretname"})
        for name, text in (
            ("named.txt", "thanks to secretname and bob"),
            ("other.txt", "thanks to bob"),
            ("secretname.txt", "nothing"),
            ("escaped.json", '{"who": "secretn\\u0061me"}'),
        ):
            with files.open(name, "w") as file:
                file.write(text)
        forget(store, "secretname")
        assert cache.get("top") is None
        assert [name for name in ("named.txt", "secretname.txt") if files.exists(name)] == []
        assert not files.exists("escaped.json")
        assert files.exists("other.txt")
    for path in (tmp_path / "store" / "plugins").rglob("*"):
        assert b"secretname" not in path.name.lower().encode()
        assert path.is_dir() or b"secretname" not in path.read_bytes().lower()
