"""The decorators `@event_handler` and `@event_property`, and the event that their functions see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar, overload

from hubbub.registry.functions import REGISTRY, Registry, register

__all__ = ["Event", "event_handler", "event_property"]

F = TypeVar("F", bound=Callable[..., Any])


class Event(Mapping[str, Any]):
    """An event as a handler sees it: a read-only mapping with the registered properties.

    Args:
        values: the keys and values of the event.
        registry: the registered event properties.
    """

    __slots__ = ("_properties", "_values")

    def __init__(self, values: Mapping[str, Any], registry: Registry = REGISTRY) -> None:
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_properties", registry.event_properties)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        function = None if name.startswith("_") else self._properties.get(name)
        if function is None:
            raise AttributeError(
                f"there is no event property {name!r}; there are: "
                f"{', '.join(sorted(self._properties)) or 'none'}"
            )
        return function.call(self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an event cannot be changed: {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an event cannot be changed: {name!r}")

    def __repr__(self) -> str:
        return f"Event({self._values!r})"


@overload
def event_handler(call: F) -> F: ...
@overload
def event_handler(
    *,
    name: str | None = None,
    batch: bool | int = True,
    per_user: bool = False,
    per_resource: bool = False,
    single_process: bool = False,
    source_queue: str | Sequence[str] | None = None,
) -> Callable[[F], F]: ...
def event_handler(
    call: F | None = None,
    *,
    name: str | None = None,
    batch: bool | int = True,
    per_user: bool = False,
    per_resource: bool = False,
    single_process: bool = False,
    source_queue: str | Sequence[str] | None = None,
) -> F | Callable[[F], F]:
    """Register a function that gets every event once, in the order of arrival, as a list `events`.

    Args:
        call: the function, if the decorator is used without arguments.
        name: its name; by default the function's.
        batch: the largest length of the list; True: as the events came, False: one event.
        per_user: call it separately for the events of each user.
        per_resource: call it separately for the events of each object.
        single_process: never call it in two processes at the same time.
        source_queue: only events whose topic matches one of these globs.

    Raises:
        ValueError: not a valid name, or a batch of no events.
    """
    if batch is not True and batch is not False and batch < 1:
        raise ValueError(f"batch={batch}: a handler gets at least one event")
    queues = (source_queue,) if isinstance(source_queue, str) else tuple(source_queue or ())
    extra = {
        "batch": batch,
        "per_user": per_user,
        "per_resource": per_resource,
        "single_process": single_process,
        "source_queue": queues,
    }

    def wrap(fn: F) -> F:
        return register("event_handler", fn, name, extra=extra)

    return wrap if call is None else wrap(call)


@overload
def event_property(call: F) -> F: ...
@overload
def event_property(
    *, name: str | Sequence[str] | None = None, description: str | None = None
) -> Callable[[F], F]: ...
def event_property(
    call: F | None = None,
    *,
    name: str | Sequence[str] | None = None,
    description: str | None = None,
) -> F | Callable[[F], F]:
    """Register a function of an event, which handlers read as `event.NAME`.

    Args:
        call: the function, if the decorator is used without arguments.
        name: its name, or several; by default the function's.
        description: what it is; by default the function's docstring.

    Raises:
        ValueError: not a name that can be read as `event.NAME`.
    """

    def wrap(fn: F) -> F:
        names = [name] if isinstance(name, str) else name or [fn.__name__]
        for chosen in names:
            if not chosen.isidentifier() or chosen in dir(Event):
                raise ValueError(f"{chosen!r} cannot be read as event.{chosen}: use another name")
        return register("event_property", fn, names, description=description)

    return wrap if call is None else wrap(call)
