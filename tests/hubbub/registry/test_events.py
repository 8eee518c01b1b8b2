"""Event handlers, event properties and the event that their functions see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.registry import REGISTRY, Registry, query
from hubbub.registry.events import Event, event_handler, event_property
from tests.support.paths import GOLDEN


@pytest.fixture(autouse=True)
def _registry(registry: None) -> None:
    """Restore the registry after each test."""


def test_a_decorator_without_a_function_says_how_to_name_one() -> None:
    with pytest.raises(TypeError, match=r"write @query\(name='renamed'\)"):
        query("renamed")  # type: ignore[call-overload]


def test_an_event_is_a_read_only_mapping() -> None:
    event = Event({"user": "ann", "n": [1]})
    assert ("user" in event, "x" in event, event["n"], len(event)) == (True, False, [1], 2)
    assert (list(event), sorted(event.keys()), dict(event)) == (
        ["user", "n"],
        ["n", "user"],
        {"user": "ann", "n": [1]},
    )
    assert (event.get("user"), event.get("x"), event.get("x", 3)) == ("ann", None, 3)
    assert event == {"user": "ann", "n": [1]}
    with pytest.raises(KeyError):
        event["x"]
    with pytest.raises(TypeError):
        event["user"] = "bob"
    for change in (lambda: setattr(event, "user", 1), lambda: delattr(event, "user")):
        with pytest.raises(AttributeError, match="cannot be changed"):
            change()
    assert event["user"] == "ann"


def test_properties_are_read_as_attributes() -> None:
    @event_property(description="who did it")
    def actor(event: Any) -> Any:
        """Not this text."""
        return event.get("user")

    @event_property(name=["first", "second"])
    def named(event: Any) -> Any:
        """The actor, twice."""
        return event.actor * 2

    event = Event({"user": "ann"})
    assert (event.actor, event.first, event.second) == ("ann", "annann", "annann")
    with pytest.raises(
        AttributeError, match="there is no event property 'named'; there are: actor"
    ):
        event.named  # noqa: B018
    with pytest.raises(AttributeError):
        event._private  # noqa: B018
    assert (REGISTRY.event_properties["actor"].doc, REGISTRY.event_properties["first"].doc) == (
        "who did it",
        "The actor, twice.",
    )
    with pytest.warns(UserWarning, match="event property 'actor' of .* is replaced"):
        event_property(name="actor")(lambda event: "other")
    assert event.actor == "other"


@pytest.mark.parametrize("name", ["keys", "get", "a.b", "1st", ""])
def test_names_that_cannot_be_read(name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read as|not a valid name"):
        event_property(name=name)(lambda event: 1)


def test_every_option_of_the_scenario_is_accepted() -> None:
    scenario = json.loads((GOLDEN / "insights" / "ins25.json").read_text())
    for number, step in enumerate(scenario["steps"]):
        event_handler(name=f"handler_{number}", **step["options"])(lambda events: None)
    handlers = {f.name: f.extra for f in REGISTRY.event_handlers.values()}
    assert handlers["handler_1"]["batch"] is False
    assert handlers["handler_3"]["source_queue"] == ("video",)
    with pytest.raises(ValueError, match="at least one event"):
        event_handler(batch=0)


def test_handlers_of_two_modules_may_have_one_name() -> None:
    def make(module: str) -> None:
        def count(events: Any) -> None: ...

        count.__module__ = module
        event_handler(count)

    make("one")
    make("two")
    with pytest.warns(UserWarning, match="event handler 'count' of two is replaced"):
        make("two")
    assert list(REGISTRY.event_handlers) == ["one:count", "two:count"]


def test_files_of_one_name_have_paths_of_their_own() -> None:
    registry = Registry()
    registry.files = {"hubbub_plugin_karma_1": "karma", "hubbub_plugin_other_1": "other"}
    assert registry.module_path("hubbub_plugin_karma_1") == "karma"
    assert registry.module_path("team.karma") == "team.karma"
    registry.files["hubbub_plugin_karma_2"] = "karma"
    paths = {registry.module_path(f"hubbub_plugin_karma_{n}") for n in (1, 2)}
    assert len(paths) == 2
    assert all(path.endswith("/karma") for path in paths)
    assert registry.module_path("hubbub_plugin_other_1") == "other"
