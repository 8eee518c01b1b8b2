"""`hubbub import --follow`: growing files into the store, until told to stop."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from hubbub.cli.told import until_told
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.follow import Follower
    from hubbub.store import Store

__all__ = ["follow_files"]

_PAUSE = 0.5  # s between two looks at files that did not grow
_END = 4.5  # s that the loader gets in the end


def follow_files(
    app: App,
    files: tuple[str, ...],
    form: str,
    *,
    columns: tuple[str, ...],
    largest: int,
    as_json: bool,
) -> int:
    """Read what files hold and what is written into them, until SIGTERM or SIGINT.

    How far each file was read is kept in the store, after what was read is durable: whoever starts
    again goes on there, and what was read twice is one event.

    Args:
        app: of the command line.
        files: names of logs.
        form: their format.
        columns: what the columns of system counts are called; none for other formats.
        largest: bytes of a line.
        as_json: say what was read as JSON.

    Raises:
        UsageError: a file that cannot be followed.
        SourceError: a file cannot be read on.
        StoreError: no room.
    """
    from hubbub.cli.imports import sink_of
    from hubbub.collector.follow import Follower
    from hubbub.store.process import LoaderProcess

    if "-" in files:
        raise UsageError("standard input is not followed", hint="leave --follow out: it is read "
                         "as it comes, to its end")  # fmt: skip
    read = 0
    with app.store() as store, ExitStack() as stack:
        counts = app.counting(store)
        followers = []
        for name in files:
            follower = Follower(name, form, store.state.get(_key(form, name)))
            stack.callback(follower.close)
            followers.append(follower)
        loader = LoaderProcess(store.path, app.understanding)
        with until_told() as stop, store.spool("import", bodies=app.bodies) as spool:
            sink = sink_of(store, spool, columns, largest)
            loader.start()
            try:
                while not stop.is_set():
                    found = sum(_step(follower, sink, store) for follower in followers)
                    read += found
                    if not found:
                        stop.wait(_PAUSE)
            finally:
                loader.stop(_END)
        app.load(store)  # what came last
        app.say({"read": read, **counts(f"{form}:{n}" for n in files)}, as_json=as_json)
    return 0


def _key(form: str, name: str) -> str:
    return f"follow:{form}:{name}"


def _step(follower: Follower, sink: Any, store: Store) -> int:
    """The next lines of a file; how many, and they are durable."""
    frames = follower.read()
    for frame in frames:
        sink.put(frame)
    if frames:
        sink.flush()
        if (place := follower.place) is not None:  # none where the new file is not there yet
            store.state.set(_key(follower.form, follower.name), place)
    return len(frames)
