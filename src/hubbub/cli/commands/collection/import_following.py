"""`hubbub import --follow`: files that grow, and are rotated or truncated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.commands.collection.import_reading import files_source, notice, refusals, sink_of
from hubbub.cli.options.logs import sample_refused
from hubbub.cli.options.mirror import mirrored
from hubbub.cli.signals import stop_signal
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.decode.line_reading import Reading
    from hubbub.collector.event import Frame
    from hubbub.collector.signatures.guard import TrustFiles

__all__ = ["follow"]

_LOADER_TIMEOUT = 4.5  # seconds for the loader to finish


def follow(
    app: App,
    files: tuple[str, ...],
    form: str,
    how: Reading,
    *,
    trust: TrustFiles | None,
    largest: int,
    options: Mapping[str, Any],
    as_json: bool,
) -> int:
    """Read files and what is appended to them, until SIGTERM or SIGINT.

    The position in each file is stored after the lines before it are durable. The next run
    continues there; a line that is read twice is stored once. A file of which most lines are not of
    its format is reported at once, and again at the end.

    Args:
        app: of the command line.
        files: names of logs.
        form: their format.
        how: lines are to be read.
        trust: the files to verify signatures with; None: do not verify.
        largest: size limit of a line in bytes.
        options: of the command; see `files_source`.
        as_json: print the result as JSON.

    Raises:
        UsageError: a file cannot be followed, or most of its lines were not of the format.
        SourceError: a file cannot be read any further.
        StoreError: no room.
    """
    from hubbub.collector.sources.files import Watch
    from hubbub.live.alerts.delivery.service import NotifyThread, notify_settings
    from hubbub.live.alerts.runner import Alerting
    from hubbub.store.loader_process import LoaderProcess

    if "-" in files:
        raise UsageError(
            "standard input cannot be followed",
            hint="leave out --follow: standard input is read to its end in any case",
        )
    if options["finished"]:
        raise UsageError(
            "a file that is followed still grows", hint="leave out --finished or --follow"
        )
    judge = _Judge(how)
    alerting, notify = Alerting.of(app.config), notify_settings(app.config)
    with app.store() as store:
        changes = app.count_changes(store)
        set_up_logging = app.configure_logging()
        loader = LoaderProcess(
            store.path, app.reader_config, prepare=set_up_logging, after=alerting
        )
        watch = Watch(
            notice=notice,
            opened=loader.start,
            sampled=lambda name: judge(name, source.samples[name]),
        )
        source = files_source(app, store, files, form, how, options, watch)
        with (
            stop_signal() as stop,
            mirrored(app, set_up_logging),
            NotifyThread(store.path, notify),
            store.spool("import", bodies=app.bodies, trust=trust) as spool,
        ):
            try:
                source.run(sink_of(store, spool, how, largest), store.state, stop)
            finally:
                loader.stop(_LOADER_TIMEOUT)
        app.load(store)  # what the loader's last run did not reach
        app.print_facts({"read": source.count, **changes(source.samples)}, as_json=as_json)
        for refusal in refusals(source, changes, how):
            raise refusal
    return 0


class _Judge:
    """Says so once if most of the first lines of a source are not of the format.

    Args:
        how: lines are to be read.
    """

    def __init__(self, how: Reading) -> None:
        self._how = how
        self._judged: set[str] = set()

    def __call__(self, source: str, sample: Sequence[Frame]) -> None:
        """Judge the first lines of a source, which may not be all yet."""
        if source in self._judged:
            return
        refusal = sample_refused(source, sample, self._how)
        if refusal is not None:
            self._judged.add(source)
            click.echo(f"hubbub: {refusal}", err=True)
