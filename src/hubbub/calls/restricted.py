"""`restrict`: queries and views of which a caller may use only what a policy allows.

In: an object with queries and views, or one of both. Out: one of the same shape. The policy is for
code that acts on behalf of a user (a page, a bot); what other code in the same process may reach
by other ways is not its concern.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubbub.calls.adapt import Functions, functions_of, kind_of, parts_of
from hubbub.calls.callables import Callables, Described, Objects, UnknownNameError
from hubbub.errors import UsageError

__all__ = ["restrict"]

ALLOW, DENY = "allow", "deny"
#: What is permitted of a name: everything, nothing, or all but the parameters that are fixed.
Permission = str | Sequence[str]


class _Policy:
    """The permission of each name, checked once."""

    def __init__(
        self, policy: Mapping[str, Permission], default: Permission, context: Mapping[str, Any]
    ) -> None:
        self._default = _fixed(default, "default", context)
        self._names = {n: _fixed(given, repr(n), context) for n, given in policy.items()}

    def fixed(self, name: str) -> Mapping[str, Any] | None:
        """Return the parameters of a name that are fixed, with their values; None: denied."""
        return self._names.get(name, self._default)


def _fixed(permission: Permission, of: str, context: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if permission == ALLOW:
        return {}
    if permission == DENY:
        return None
    if isinstance(permission, str) or not all(isinstance(name, str) for name in permission):
        raise UsageError(
            f"the policy's {of} is {permission!r}",
            hint='write "allow", "deny", or a list of parameter names that the context fixes',
        )
    if missing := sorted(set(permission) - context.keys()):
        raise UsageError(
            f"the policy's {of} fixes {', '.join(missing)}, which the context does not have",
            hint=f"the context has: {', '.join(sorted(context)) or 'nothing'}",
        )
    return {name: context[name] for name in permission}


class _Allowed(Mapping[str, Described]):
    """The functions that a policy does not deny."""

    def __init__(self, everything: Mapping[str, Described], policy: _Policy) -> None:
        self._everything, self._policy = everything, policy

    def __getitem__(self, name: str) -> Described:
        if self._policy.fixed(name) is None:
            raise KeyError(name)
        return self._everything[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._everything if self._policy.fixed(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _restricted(kind: str, functions: Functions, policy: _Policy) -> Callables:
    def call(name: str, parameters: Mapping[str, Any]) -> Any:
        fixed = policy.fixed(name)
        if fixed is None or not functions.has(name):
            raise UnknownNameError(
                f"there is no {kind} {name!r}", hint="or the policy does not allow it"
            )
        for given in parameters:
            # a trailing underscore is dropped, for names that Python reserves
            if given in fixed or given.removesuffix("_") in fixed:
                raise TypeError(f"{kind} {name!r}: the parameter {given!r} is fixed by the policy")
        return functions.call(name, {**parameters, **fixed})

    return Callables(kind, _Allowed(functions.described, policy), call)


def restrict(
    objects: Any,
    policy: Mapping[str, Permission] | None = None,
    default: Permission = DENY,
    context: Mapping[str, Any] | None = None,
) -> Any:
    """Return the same queries and views, of which only what the policy allows can be called.

    A name that is denied raises AttributeError and is not listed. A parameter that is fixed gets
    its value from the context, and giving it raises TypeError.

    Args:
        objects: what `open`, `connect`, `combine` or `restrict` returned, or its `query` or `view`.
        policy: by the name of a query or view `"allow"`, `"deny"`, or a list of the parameters
            that are fixed.
        default: the same for every other name.
        context: the values of fixed parameters.

    Returns:
        An object with `query` and `view`, or only the one that was given.

    Raises:
        UsageError: the policy is neither of these, or fixes a parameter without a value.
    """
    rules = _Policy(policy or {}, default, context or {})
    parts = parts_of(objects)
    if parts is None:
        return _restricted(kind_of(objects) or "function", functions_of(objects), rules)
    query, view = parts
    return Objects(
        _restricted("query", functions_of(query), rules),
        _restricted("view", functions_of(view), rules),
    )
