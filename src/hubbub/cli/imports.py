"""`hubbub import FILE…`: files into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.bodies import bodies_option
from hubbub.cli.trust import max_message, size_option, trust_files, trust_options
from hubbub.cli.understanding import reading_options
from hubbub.errors import HubbubError, SourceError, UsageError

if TYPE_CHECKING:
    from hubbub.collector.event import Sink
    from hubbub.collector.guard import TrustFiles
    from hubbub.store import Store

__all__ = ["import_files", "sink_of"]

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
    from hubbub.cli.progress import bar
    from hubbub.collector import files as reader

    app.logs()
    app.read_rules()
    trust = _trust(app, form, options)
    names = _columns(form, columns)
    largest = max_message(app, options["max_message"])
    if options["follow"]:
        from hubbub.cli.following import follow_files

        return follow_files(app, files, form, columns=names, largest=largest, as_json=as_json)
    read = 0
    broken: list[HubbubError] = []
    with app.store() as store:
        counts = app.counting(store)
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
            app.say({"read": read, **counts(f"{form}:{n}" for n in files)}, as_json=as_json)
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
    from hubbub.collector.notebooks import Named
    from hubbub.collector.refused import Bounded
    from hubbub.store.samples import remember

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
    from hubbub.collector.notebooks import SAMPLES, named

    if form == SAMPLES:
        return named("seed" if text is None else text)
    if text is not None:
        raise UsageError(f"the format {form} names its columns itself", hint="leave --columns out")
    return ()
