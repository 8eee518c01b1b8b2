"""`hubbub import FILE…`: read files into the store; `--follow` keeps reading as they grow."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.reading import bodies_option, reading_options
from hubbub.cli.options.trust import max_message, size_option, trust_files, trust_options
from hubbub.cli.signals import stop_signal
from hubbub.errors import HubbubError, SourceError, UsageError

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.event import Sink
    from hubbub.collector.files.follower import Follower
    from hubbub.collector.signatures.guard import TrustFiles
    from hubbub.store import Store

__all__ = ["follow_files", "import_files", "sink_of"]


_BATCH = 1000  # frames between two flushes


@common_options
@click.command(name="import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "fedmsg", "notebook-events", "notebook-counts", "access-log"]),
    required=True,
    help="jsonl: hubbub's own lines; fedmsg: envelopes, one a line, or pages of history; "
    "notebook-events: accesses, as a notebook server logs them; "
    "notebook-counts: its system counts; "
    "access-log: a web server's log, common or combined.",
)
@click.option(
    "--columns",
    metavar="seed|later|NAME,…",
    help="What the columns of notebook-counts are called. [default: seed, 13 names; later: 18]",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Read on as files grow, are rotated or truncated, until SIGTERM or SIGINT.",
)
@click.option("--json", "as_json", is_flag=True, help="Say what was read as JSON.")
@size_option
@trust_options
@bodies_option
@reading_options
@pass_app
def import_files(
    app: App,
    /,
    files: tuple[str, ...],
    form: str,
    *,
    columns: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Read files into the store; - is standard input, and gzip is understood.

    The same file again adds nothing: a message is one event, however often it comes. What cannot
    be understood is counted, kept and stops nothing. Of several files, one that is missing or
    breaks off does not stop the others; it is said at the end. With --ca (or --verify and a
    configured CA), fedmsg envelopes whose signature does not hold are refused.
    """
    from hubbub.cli.output.progress import bar
    from hubbub.collector.files import reader

    app.configure_logging()
    app.check_rules()
    trust = _trust(app, form, options)
    names = _columns(form, columns)
    largest = max_message(app, options["max_message"])
    if options["follow"]:
        from hubbub.cli.commands.import_ import follow_files

        return follow_files(app, files, form, columns=names, largest=largest, as_json=as_json)
    read = 0
    broken: list[HubbubError] = []
    with app.store() as store:
        counts = app.count_changes(store)
        try:
            with (
                store.spool("import", bodies=app.bodies, trust=trust) as spool,
                bar("reading", unit="messages") as shown,
            ):
                sink = sink_of(store, spool, names, largest)
                for name in files:
                    try:
                        for frame in reader.read(name, form):
                            sink.put(frame)
                            read += 1
                            if read % _BATCH == 0:
                                sink.flush()
                                shown(read, 0)
                    except (SourceError, UsageError) as error:  # the other files may be good
                        broken.append(error)
                sink.flush()
        except HubbubError as error:  # of the store: no file can be read into it
            broken.append(error)
        app.load(store)  # what came before an error is in the store, and the counts say so
        if read or not broken:
            app.print_facts({"read": read, **counts(f"{form}:{n}" for n in files)}, as_json=as_json)
    if broken:
        raise _together(broken)
    return 0


def sink_of(store: Store, spool: Sink, columns: tuple[str, ...], largest: int) -> Sink:
    """Where frames go: what is too large is refused, and system counts bear their columns' names.

    Args:
        store: which remembers the names.
        spool: of the store.
        columns: of system counts; none for other formats.
        largest: bytes of a message.
    """
    from hubbub.collector.decode.notebooks import Named
    from hubbub.collector.decode.rejected import Bounded
    from hubbub.store.tables.samples import remember

    bounded = Bounded(spool, largest)
    if not columns:
        return bounded
    remember(store.state, columns)
    return Named(bounded, columns)


def _trust(app: App, form: str, options: dict[str, Any]) -> TrustFiles | None:
    """Whom to believe; only envelopes are signed."""
    trust = trust_files(app, options, configured=False)
    if trust is not None and form != "fedmsg":
        raise UsageError(f"the format {form} bears no signatures", hint="leave --ca, --verify out")
    return trust


def _together(errors: list[HubbubError]) -> HubbubError:
    """All errors as one; its exit code is the highest."""
    if len(errors) == 1:
        return errors[0]
    worst = max(errors, key=lambda error: error.exit_code)
    return type(worst)("\n".join([f"{len(errors)} errors", *map(str, errors)]))


def _columns(form: str, text: str | None) -> tuple[str, ...]:
    """The names of the columns of system counts; none for other formats."""
    from hubbub.collector.decode.notebooks import SAMPLES, named

    if form == SAMPLES:
        return named("seed" if text is None else text)
    if text is not None:
        raise UsageError(f"the format {form} names its columns itself", hint="leave --columns out")
    return ()


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
    from hubbub.cli.commands.import_ import sink_of
    from hubbub.collector.files.follower import Follower
    from hubbub.store.loader_process import LoaderProcess

    if "-" in files:
        raise UsageError("standard input is not followed", hint="leave --follow out: it is read "
                         "as it comes, to its end")  # fmt: skip
    read = 0
    with app.store() as store, ExitStack() as stack:
        counts = app.count_changes(store)
        followers = []
        for name in files:
            follower = Follower(name, form, store.state.get(_key(form, name)))
            stack.callback(follower.close)
            followers.append(follower)
        loader = LoaderProcess(store.path, app.understanding)
        with stop_signal() as stop, store.spool("import", bodies=app.bodies) as spool:
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
        app.print_facts({"read": read, **counts(f"{form}:{n}" for n in files)}, as_json=as_json)
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
