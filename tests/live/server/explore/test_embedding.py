"""Code to embed a picture of the server: it shows what the page shows, to whom may see it."""

from __future__ import annotations

import base64
import re
import time
from html import unescape
from pathlib import Path

import pytest

from hubbub.store import Store
from hubbub.store.state import tokens
from tests.support.http import Served, serving

PAGE = "/explore/view/volume?per=week"


def codes(page: str) -> dict[str, str]:
    """Return the code of each field by its id."""
    fields = re.findall(
        r'<textarea id="([^"]+)" class="code"[^>]*>\n(.*?)</textarea>', page, re.DOTALL
    )
    return {name: unescape(code) for name, code in fields}


def addresses(code: str) -> list[str]:
    """Return the addresses in HTML or Markdown."""
    if code.startswith("<"):
        return [unescape(found) for found in re.findall(r'(?:src|href)="([^"]+)"', code)]
    return re.findall(r"\(<([^>]+)>\)", code)


def test_permanent_code_shows_the_picture_of_the_page(served: Served) -> None:
    page = served.get(PAGE).text
    found = codes(page)
    assert list(found) == [f"embed-{group}-{n}" for group in ("now", "new") for n in (1, 2, 3)]
    for name, code in found.items():
        assert f'<label for="{name}">' in page
        for address in addresses(code):
            assert address.startswith(f"{served.url}/")
            answer = served.session.get(address, timeout=60)
            assert answer.status_code == 200, address
            if "/view/" in address and "/explore/" not in address:
                pinned = "immutable" in answer.headers.get("cache-control", "")
                assert pinned == ("now" in name), address
    shown = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert shown is not None
    drawn = base64.b64decode(shown[1])
    for name in ("embed-now-1", "embed-now-2"):
        pictures = [a for a in addresses(found[name]) if ".svg" in a]
        assert served.session.get(pictures[0], timeout=60).content == drawn
    width, height = re.findall(r'(?:width|height)="(\d+)"', found["embed-now-1"])
    assert f'viewBox="0 0 {width} {height}"'.encode() in drawn


def test_the_other_code_follows_the_form(served: Served) -> None:
    found = codes(served.get(f"{PAGE}&since=30d").text)
    for name in ("embed-new-1", "embed-new-2", "embed-new-3"):
        assert "per=week&since=30d" in addresses(found[name])[-1]
        assert "at=" not in found[name]
    assert "since=30d" not in "".join(addresses(found["embed-now-3"]))


def test_a_value_of_a_stranger_stays_a_text(served: Served) -> None:
    value = '"><script>alert(1)</script></textarea>[x](y)'
    page = served.get("/explore/view/volume", params={"topic": value}).text
    assert "<script>alert" not in page
    for code in codes(page).values():
        assert "<script>alert" not in code
        assert '">[' not in code
    assert len(codes(page)) == 6


def test_the_prefix_of_a_proxy_is_part_of_the_code(folder: Path) -> None:
    with serving(folder, root_path="/hubbub") as running:
        page = running.get(f"/hubbub{PAGE}").text
        found = [each for code in codes(page).values() for each in addresses(code)]
        assert len(found) == 10
        for address in found:
            assert address.startswith(f"{running.url}/hubbub/"), address
            assert running.session.get(address, timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("anonymous", "path", "words"),
    [
        ("none", PAGE, "answers only who has a token"),
        ("read", f"{PAGE}&not_user=bob", "<code>not_user</code> chooses people"),
        ("read", PAGE, ""),
        ("people", f"{PAGE}&not_user=bob", ""),
    ],
)
def test_code_is_given_only_for_what_readers_would_see(
    anonymous: str, path: str, words: str, folder: Path
) -> None:
    with Store.open(folder) as store:
        name = f"reader-{anonymous}-{len(path)}"
        now = time.time_ns() // 1000
        _, secret = tokens.add(store.state, name, ["people"], now=now, expires=None)
    with serving(folder, auth="tokens", anonymous=anonymous) as running:
        page = running.get(path, headers={"Authorization": f"Bearer {secret}"}).text
        found = codes(page)
        assert bool(found) is not bool(words)
        assert words in page
        for code in found.values():
            for address in addresses(code):
                assert running.session.get(address, timeout=60).status_code == 200, address


def test_sites_that_may_show_a_frame_are_named(folder: Path, served: Served) -> None:
    assert "No other site may show the frame yet" in served.get(PAGE).text
    with serving(folder, frame_ancestors=("https://blog.example.org",)) as running:
        page = running.get(PAGE).text
        assert "Sites that may show the frame: https://blog.example.org." in page
        framed = addresses(codes(page)["embed-now-3"])[0]
        policy = running.session.get(framed, timeout=60).headers["content-security-policy"]
        assert "frame-ancestors 'self' https://blog.example.org" in policy
