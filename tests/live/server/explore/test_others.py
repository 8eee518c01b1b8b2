"""/explore shows functions of plugins and of other servers like its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hubbub.config import Config
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill

PLUGIN = '''
from hubbub import query, view


@query(names_people=False)
def greeting(who: str, times: int = 1):
    """Greet somebody.

    Args:
        who: Whom to greet.
    """
    return [{"n": n, "text": f"hello {who}"} for n in range(times)]


@query(names_people=False)
def motto():
    return "<i>plain</i>"


@view(names_people=False)
def card(who="you"):
    """A page of its own."""
    return f"<h1>{who}</h1><script>alert(1)</script>"


@query(names_people=False)
def broken():
    raise ValueError("the plugin's own fault")


@view(names_people=False)
def lines(query, chart):
    return chart.bars(query.greeting(who="x", times=2), x="text", y="n", title="Greetings")
'''


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("explored")
    (folder / "greetings.py").write_text(PLUGIN)
    fill(folder / "store")
    with serving(folder / "store", plugins=[folder / "greetings.py"]) as running:
        yield running


@pytest.fixture(scope="module")
def through(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("through") / "store"
    with serving(store, config=Config(servers={"far": served.url})) as running:
        yield running


@pytest.fixture(params=["served", "through"])
def either(request: pytest.FixtureRequest) -> Served:
    found: Served = request.getfixturevalue(request.param)
    return found


def test_their_functions_are_listed(either: Served) -> None:
    page = either.get("/explore").text
    assert '<a href="/explore/query/greeting">greeting</a>' in page
    assert '<a href="/explore/view/card">card</a>' in page


def test_openapi_describes_them(either: Served) -> None:
    described = either.get("/openapi.json").json()
    OpenAPIV31SpecValidator(described).validate()
    item = described["paths"]["/query/greeting.{suffix}"]
    assert item["get"]["summary"] == "Greet somebody."
    own = {each["name"]: each for each in item["parameters"] if "name" in each}
    assert own["who"]["description"] == "Whom to greet."
    assert own["who"]["required"] is True
    assert own["times"]["schema"] == {"type": "integer", "default": 1}
    assert "/view/card" in described["paths"]
    assert described["paths"]["/query/volume"]["get"]["security"]  # of both, the own one


def test_their_forms_come_from_their_signatures(either: Served) -> None:
    page = either.get("/explore/greeting")
    assert page.status_code == 200
    assert "Whom to greet." in page.text
    assert 'name="who" aria-describedby="field-who-about" required' in page.text
    assert 'id="result"' not in page.text
    wrong = either.get("/explore/query/greeting?who=x&times=many")
    assert wrong.status_code == 400
    assert '<p id="field-times-error" class="error">' in wrong.text


def test_their_results_are_shown(either: Served) -> None:
    page = either.get("/explore/query/greeting?who=<b>ann&times=2").text
    assert "<td>hello &lt;b&gt;ann</td>" in page
    assert "2 rows" in page
    assert "/query/greeting.csv?who=%3Cb%3Eann&amp;times=2" in page
    assert "&lt;i&gt;plain&lt;/i&gt;" in either.get("/explore/query/motto").text
    assert "data:image/svg+xml" in either.get("/explore/view/lines").text


def test_a_page_of_a_view_is_framed_without_scripts(either: Served) -> None:
    page = either.get("/explore/view/card?who=me")
    assert '<iframe src="/view/card.html?who=me"' in page.text
    assert "alert(1)" not in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    framed = either.get("/view/card.html?who=me")
    assert framed.text.startswith("<h1>me</h1>")
    assert "script-src" not in framed.headers["content-security-policy"]


def test_their_errors_are_shown_in_the_page(either: Served) -> None:
    page = either.get("/explore/query/broken")
    assert page.status_code >= 500
    assert 'role="alert"' in page.text
    assert 'id="content"' in page.text
