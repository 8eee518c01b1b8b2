"""Permission policies."""

from typing import Any

import pytest

import hubbub
from hubbub.errors import UsageError
from tests.support.peer_server import Peer


class Library:
    """Any object whose methods are called by name."""

    def shelf(self, **given: Any) -> Any:
        """Return what was given."""
        return given

    def secret(self) -> str:
        return "secret"

    def _hidden(self) -> str:
        return "hidden"


def test_only_what_is_allowed(peer: Peer) -> None:
    server = hubbub.connect(peer.url)
    some = hubbub.restrict(server, policy={"q_int": "allow", "hello": "allow"})
    assert some.query.q_int() == 3
    assert some.view.hello() == "<html>Hello</html>"
    assert dir(some.query) == ["q_int"]
    assert dir(some.view) == ["hello"]
    assert some.query.q_int.__doc__ == "Doc q_int"
    for name in ("q_text", "q_echo", "none"):
        with pytest.raises(AttributeError, match=f"there is no query '{name}'"):
            getattr(some.query, name)
        with pytest.raises(AttributeError):
            some.query(name)


def test_everything_but_what_is_denied(peer: Peer) -> None:
    most = hubbub.restrict(
        hubbub.connect(peer.url), policy={"q_int": "deny", "ns.dotted": "deny"}, default="allow"
    )
    assert dir(most.query) == ["q_echo", "q_raises", "q_secret", "q_text"]
    assert most.query.q_text() == "café 3"
    with pytest.raises(AttributeError):
        most.query.q_int()
    with pytest.raises(AttributeError):
        most.query("ns.dotted")
    with pytest.raises(AttributeError):
        most.query.none()


def test_fixed_parameters(peer: Peer) -> None:
    own = hubbub.restrict(
        hubbub.connect(peer.url), policy={"q_echo": ["user"]}, context={"user": "ann", "other": 1}
    )
    assert own.query.q_echo(text="x") == {"text": ["x"], "user": ["ann"]}
    for given in ({"user": "bob"}, {"user_": "bob"}, {"user": None}):
        with pytest.raises(TypeError, match=r"'q_echo': the parameter 'user_?' is fixed"):
            own.query.q_echo(**given)
    with pytest.raises(TypeError):
        own.query("q_echo", user="bob")


def test_a_default_that_fixes_parameters(peer: Peer) -> None:
    every = hubbub.restrict(hubbub.connect(peer.url), default=("user",), context={"user": "ann"})
    assert every.query.q_echo() == {"user": ["ann"]}
    assert "q_int" in dir(every.query)


def test_a_query_object_alone(peer: Peer) -> None:
    query = hubbub.restrict(hubbub.connect(peer.url).query, policy={"q_int": "allow"})
    assert query.q_int() == 3
    assert dir(query) == ["q_int"]
    with pytest.raises(AttributeError):
        query.q_text()


def test_any_object_with_methods() -> None:
    some = hubbub.restrict(Library(), {"shelf": ["user"]}, "deny", {"user": "ann"})
    assert some.shelf(book="x") == {"book": "x", "user": "ann"}
    assert dir(some) == ["shelf"]
    with pytest.raises(AttributeError):
        some.secret()
    every = hubbub.restrict(Library(), default="allow")
    assert dir(every) == ["secret", "shelf"]
    assert every.secret() == "secret"
    for name in ("_hidden", "__class__x"):
        with pytest.raises(AttributeError):
            getattr(every, name)
        with pytest.raises(AttributeError):
            every(name)


def test_a_restriction_of_a_restriction(peer: Peer) -> None:
    outer = hubbub.restrict(hubbub.connect(peer.url), {"q_echo": ["user"]}, context={"user": "ann"})
    inner = hubbub.restrict(outer, {"q_echo": ["text"]}, "allow", {"text": "t"})
    assert inner.query.q_echo() == {"text": ["t"], "user": ["ann"]}
    assert dir(inner.query) == ["q_echo"]
    with pytest.raises(TypeError):
        inner.query.q_echo(user="bob")


def test_the_policy_is_checked_at_once() -> None:
    with pytest.raises(UsageError, match="the policy's 'shelf' is 'alow'"):
        hubbub.restrict(Library(), {"shelf": "alow"})
    with pytest.raises(UsageError, match="the policy's default is 'user'"):
        hubbub.restrict(Library(), default="user")
    with pytest.raises(UsageError, match="the policy's 'shelf' fixes user, which the context does"):
        hubbub.restrict(Library(), {"shelf": ["user"]})
    with pytest.raises(UsageError, match=r"the policy's 'shelf' is \[1\]"):
        hubbub.restrict(Library(), {"shelf": [1]})  # type: ignore[list-item]


def test_a_later_change_of_the_policy_changes_nothing() -> None:
    policy: dict[str, Any] = {"shelf": "allow"}
    some = hubbub.restrict(Library(), policy)
    policy["secret"] = "allow"
    with pytest.raises(AttributeError):
        some.secret()
