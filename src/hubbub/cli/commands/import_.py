"""`hubbub import FILE…`: read files into the store, with `--follow` as they grow."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.logs import check_log_options, log_options, most_refused, reading_of
from hubbub.cli.options.reading import bodies_option, reading_options
from hubbub.cli.options.trust import max_message, size_option, trust_files, trust_options
from hubbub.cli.signals import stop_signal
from hubbub.collector.decode.formats import FORMATS
from hubbub.errors import HubbubError, UsageError

if TYPE_CHECKING:
    from hubbub.collector.decode.line_reading import Reading
    from hubbub.collector.event import Sink
    from hubbub.collector.files.follower import Follower
    from hubbub.collector.signatures.guard import TrustFiles
    from hubbub.store import Store

__all__ = ["import_files"]

_PAUSE = 0.5  # seconds between checks of files that did not grow
_LOADER_TIMEOUT = 4.5  # seconds for the loader to finish


@common_options
@click.command(name="import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    required=True,
    help="jsonl: hubbub's own format; fedmsg: envelopes, one per line, or pages of history; "
    "notebook-events: accesses, as a notebook server logs them; "
    "notebook-counts: its system counts; "
    "access-log: a web server's log: common, combined, their usual extensions, JSON lines.",
)
@click.option(
    "--columns",
    metavar="seed|later|NAME,…",
    help="Column names of notebook-counts. [default: seed, 13 names; later: 18]",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Continue as files grow, are rotated or truncated, until SIGTERM or SIGINT.",
)
@log_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
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
    """Read files into the store; - is standard input, and gzip is supported.

    Importing a file again adds nothing, also after it was rotated or through a pipe: a message is
    stored once, however often it is received. A last line that is not whole is left for the next
    import. Lines that cannot be decoded are counted and kept as dead letters; where they are most
    of all, the exit code is 2. A file that is missing or truncated does not stop the import of the
    others; it is reported at the end. With --ca or a configured CA, fedmsg envelopes without a
    valid signature are refused; --no-verify takes them.
    """
    from hubbub.cli.commands.import_reading import FileReader

    app.configure_logging()
    app.check_rules()
    check_log_options(form, options)
    trust = _trust(app, form, options)
    how = reading_of(_columns(form, columns), options)
    largest = max_message(app, options["max_message"])
    if options["follow"]:
        return _follow(app, files, form, how=how, trust=trust, largest=largest,
                       name=options["source"], as_json=as_json)  # fmt: skip
    errors: list[HubbubError] = []
    with app.store() as store:
        changes = app.count_changes(store)
        read = FileReader(app, store, form, how, options)
        try:
            with store.spool("import", bodies=app.bodies, trust=trust) as spool:
                errors += read.files(files, _sink(store, spool, how, largest))
        except HubbubError as error:  # an error of the store ends the import
            errors.append(error)
        app.load(store)  # what was read before an error is kept, and counted
        facts = {"read": read.count, **changes(read.samples)}
        if read.unfinished:
            facts["unfinished"] = read.unfinished
        if read.count or not errors:
            app.print_facts(facts, as_json=as_json)
        for source, sample in read.samples.items():
            refusal = most_refused(source, sample, changes([source]), how)
            errors += [] if refusal is None else [refusal]
    if errors:
        raise _combine(errors)
    return 0


def _sink(store: Store, spool: Sink, how: Reading, largest: int) -> Sink:
    """Return a sink that refuses large messages and says how lines are to be read.

    Args:
        store: stores the names of the columns.
        spool: of the store.
        how: lines are to be read.
        largest: size limit of a message in bytes.
    """
    from hubbub.collector.decode.line_reading import Reading, WithReading
    from hubbub.collector.decode.rejected import Bounded
    from hubbub.store.tables.samples import save_columns

    bounded = Bounded(spool, largest)
    if how.columns:
        save_columns(store.state, how.columns.split(","))
    return bounded if how == Reading() else WithReading(bounded, how)


def _trust(app: App, form: str, options: dict[str, Any]) -> TrustFiles | None:
    """Return the files to verify signatures with; only fedmsg envelopes are signed."""
    trust = trust_files(app, options, configured=form == "fedmsg")
    if trust is not None and form != "fedmsg":
        raise UsageError(f"the format {form} has no signatures", hint="leave out --ca and --verify")
    return trust


def _combine(errors: list[HubbubError]) -> HubbubError:
    """Combine errors into one with the highest exit code."""
    if len(errors) == 1:
        return errors[0]
    worst = max(errors, key=lambda error: error.exit_code)
    return type(worst)("\n".join([f"{len(errors)} errors", *map(str, errors)]))


def _columns(form: str, text: str | None) -> tuple[str, ...]:
    """Return the column names of system counts; empty for other formats."""
    from hubbub.collector.decode.notebooks import SAMPLES, column_names

    if form == SAMPLES:
        return column_names("seed" if text is None else text)
    if text is not None:
        raise UsageError(f"the format {form} has fixed columns", hint="leave out --columns")
    return ()


def _follow(
    app: App,
    files: tuple[str, ...],
    form: str,
    *,
    how: Reading,
    trust: TrustFiles | None,
    largest: int,
    name: str | None,
    as_json: bool,
) -> int:
    """Read files and what is appended to them, until SIGTERM or SIGINT.

    The position in each file is stored after the lines before it are durable. The next run
    continues there; a line that is read twice is stored once.

    Args:
        app: of the command line.
        files: names of logs.
        form: their format.
        how: lines are to be read.
        trust: the files to verify signatures with; None: do not verify.
        largest: size limit of a line in bytes.
        name: of the source; None: that of the log.
        as_json: print the result as JSON.

    Raises:
        UsageError: a file cannot be followed.
        SourceError: a file cannot be read any further.
        StoreError: no room.
    """
    from hubbub.collector.files.follower import Follower
    from hubbub.collector.files.log_files import Log
    from hubbub.collector.files.log_name import log_name
    from hubbub.store.loader_process import LoaderProcess

    if "-" in files:
        raise UsageError(
            "standard input cannot be followed",
            hint="leave out --follow: standard input is read to its end in any case",
        )
    read = 0
    with app.store() as store, ExitStack() as stack:
        changes = app.count_changes(store)
        followers = []
        for path in files:
            log = Log(f"{form}:{name or log_name(path)}", store.state)
            position = store.state.get(_position_key(form, path))
            follower = Follower(path, form, position, log=log)
            stack.callback(follower.close)
            followers.append(follower)
        loader = LoaderProcess(store.path, app.reader_config)
        with (
            stop_signal() as stop,
            store.spool("import", bodies=app.bodies, trust=trust) as spool,
        ):
            sink = _sink(store, spool, how, largest)
            loader.start()
            try:
                while not stop.is_set():
                    count = sum(_read_new_lines(follower, sink, store) for follower in followers)
                    read += count
                    if not count:
                        stop.wait(_PAUSE)
            finally:
                loader.stop(_LOADER_TIMEOUT)
        app.load(store)  # what the loader's last run did not reach
        facts = {"read": read, **changes(dict.fromkeys(f.source for f in followers))}
        app.print_facts(facts, as_json=as_json)
    return 0


def _position_key(form: str, name: str) -> str:
    return f"follow:{form}:{name}"


def _read_new_lines(follower: Follower, sink: Sink, store: Store) -> int:
    """Make the new lines of a file durable; return how many there were."""
    frames = follower.read()
    for frame in frames:
        sink.put(frame)
    if frames:
        sink.flush()
        if (place := follower.position) is not None:  # None: a rotated file's successor is missing
            store.state.set(_position_key(follower.form, follower.name), place)
    return len(frames)
