"""`hubbub import FILE…`: read files into the store, with `--follow` as they grow."""

from __future__ import annotations

from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.decoding import bodies_option, decoding_options
from hubbub.cli.options.logs import check_log_options, log_options, reading_of
from hubbub.cli.options.trust import max_message, size_option, trust_files, trust_options
from hubbub.collector.decode.formats import FORMATS
from hubbub.errors import HubbubError, UsageError

if TYPE_CHECKING:
    from hubbub.collector.files.archive import Repositories
    from hubbub.collector.signatures.guard import TrustFiles

__all__ = ["import_files"]


@common_options
@click.command(name="import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    required=True,
    help="jsonl: hubbub's own format; fedmsg: envelopes, one per line, or pages of history; "
    "perceval: items of forges, lists and repositories, as `perceval --json-line` writes them; "
    "gharchive: hourly files of GH Archive; "
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
    "--repo",
    multiple=True,
    metavar="OWNER/NAME",
    help="gharchive: only events of this repository, or of those that match a glob; repeatable. "
    "[default: all]",
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
@decoding_options
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

    Importing a file again adds nothing, also after a rotation or through a pipe: each message is
    stored once, and of an item that was fetched again only new events are added. An incomplete
    last line is left for the next import. Lines that cannot be decoded are counted and kept as
    dead letters; if most lines are, the exit code is 2. A file that is missing or truncated does
    not stop the import of the others; it is reported at the end. With --ca or a configured CA,
    fedmsg envelopes without a valid signature are refused; --no-verify accepts them.
    """
    from hubbub.cli.commands.collection.import_following import follow
    from hubbub.cli.commands.collection.import_reading import (
        files_source,
        reading_bar,
        refusals,
        sink_of,
    )

    app.configure_logging()
    app.check_rules()
    check_log_options(form, options)
    options["repo"] = _repositories(form, options["repo"])
    trust = _trust(app, form, options)
    how = reading_of(_columns(form, columns), options)
    largest = max_message(app, options["max_message"])
    if options["follow"]:
        return follow(
            app, files, form, how, trust=trust, largest=largest, options=options, as_json=as_json
        )
    errors: list[HubbubError] = []
    with app.store() as store:
        changes = app.count_changes(store)
        with reading_bar() as watch:
            source = files_source(app, store, files, form, how, options, watch)
            try:
                with store.spool("import", bodies=app.bodies, trust=trust) as spool:
                    source.run(sink_of(store, spool, how, largest), store.state, Flag())
            except HubbubError as error:  # an error of the store ends the import
                errors.append(error)
        errors[:0] = source.errors
        app.load(store)  # what was read before an error is kept, and counted
        facts = {"read": source.count, **changes(source.samples)}
        if options["repo"] is not None:
            facts["other_repositories"] = options["repo"].dropped
        if source.unfinished:
            facts["unfinished"] = source.unfinished
        if source.count or not errors:
            app.print_facts(facts, as_json=as_json)
        errors += refusals(source, changes, how)
    if errors:
        raise _combine(errors)
    return 0


def _trust(app: App, form: str, options: dict[str, Any]) -> TrustFiles | None:
    """Return the files to verify signatures with; only fedmsg envelopes are signed."""
    trust = trust_files(app, options, configured=form == "fedmsg")
    if trust is not None and form != "fedmsg":
        raise UsageError(f"the format {form} has no signatures", hint="leave out --ca and --verify")
    return trust


def _repositories(form: str, globs: tuple[str, ...]) -> Repositories | None:
    """Return the filter of an archive's lines; None: all."""
    from hubbub.collector.files.archive import Repositories

    if globs and form != "gharchive":
        raise UsageError(
            f"the format {form} is not limited by repository",
            where="--repo",
            hint="leave it out, or use --format gharchive",
        )
    return Repositories(globs) if globs else None


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
