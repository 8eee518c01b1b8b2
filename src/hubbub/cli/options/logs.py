"""Options of `hubbub import` for logs: their source, their format, what is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hubbub.cli.app import App
from hubbub.errors import MessageError, UsageError
from hubbub.language.plurals import plural

if TYPE_CHECKING:
    from hubbub.collector.decode.line_reading import Reading
    from hubbub.collector.event import Frame

__all__ = ["check_log_options", "log_options", "most_refused", "reading_of"]

C = TypeVar("C", bound=Callable[..., Any])
_ACCESS_LOG = "access-log"
#: Reasons that say that a line is not of the format, rather than that one of its values is wrong.
_NOT_OF_FORMAT = (
    *("malformed", "bad-fields", "bad-encoding", "not-json", "not-an-object"),
    *("no-item", "no-rule", "no-body", "no-topic", "no-time", "no-id", "bad-time", "bad-value"),
)


def _log_format(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Pass on the values of the common option, which this option hides."""
    if value in {"text", "json"}:
        ctx.find_root().ensure_object(App).log_format = value
        return None
    return value


def log_options(command: C) -> C:
    """Add `--source`, `--finished`, `--log-format`, `--keep-queries` and `--keep-addresses`."""
    for option in (
        click.option(
            "--keep-addresses",
            is_flag=True,
            help="access-log: keep clients' addresses in full. [default: 192.0.2.0, 2001:db8:1::]",
        ),
        click.option(
            "--keep-queries",
            is_flag=True,
            help="access-log: keep the query strings of requests. [default: dropped]",
        ),
        click.option(
            "--log-format",
            metavar="FORMAT",
            callback=_log_format,
            help="access-log: the format as the server's configuration writes it, of Apache "
            "(%h %l %u …) or nginx ($remote_addr - $remote_user …). [default: recognised] "
            "Or text, json: format of hubbub's own log messages on standard error.",
        ),
        click.option(
            "--finished",
            is_flag=True,
            help="The files do not grow any more: a last line without an end counts.",
        ),
        click.option(
            "--source",
            metavar="NAME",
            help="Name of the source: equal lines of two sources are two messages. "
            "[default: the log's path, which its rotated files share]",
        ),
    ):
        command = option(command)
    return command


def check_log_options(form: str, options: Mapping[str, Any]) -> None:
    """Check the options of logs.

    Raises:
        UsageError: an option does not belong to the format, or its value is not valid.
    """
    from hubbub.collector.files.source import check_name

    check_name(options["source"])
    for name in ("log_format", "keep_queries", "keep_addresses"):
        if options[name] and form != _ACCESS_LOG:
            raise UsageError(
                f"only {_ACCESS_LOG} has this option",
                where=f"--{name.replace('_', '-')}",
                hint=f"leave it out, or use --format {_ACCESS_LOG}",
            )
    if options["log_format"] is not None:
        from hubbub.collector.decode.logs.log_format import compiled

        compiled(options["log_format"])


def reading_of(columns: Sequence[str], options: Mapping[str, Any]) -> Reading:
    """Return how the lines of an import are to be read.

    Args:
        columns: of system counts; empty for other formats.
        options: of the command.
    """
    from hubbub.collector.decode.line_reading import Reading

    return Reading(
        columns=",".join(columns),
        log_format=options["log_format"] or "",
        keep_queries=options["keep_queries"],
        keep_addresses=options["keep_addresses"],
    )


def most_refused(
    source: str, sample: Sequence[Frame], changes: Mapping[str, Any], how: Reading
) -> UsageError | None:
    """Return the error of an import of which most lines are not of its format.

    Args:
        source: of the lines.
        sample: some of them.
        changes: `new`, `known`, and `refused` by reason.
        how: the lines were to be read.
    """
    refused = sum(changes["refused"].get(reason, 0) for reason in _NOT_OF_FORMAT)
    return _refusal(source, sample, how, refused, changes["new"] + changes["known"])


def sample_refused(source: str, sample: Sequence[Frame], how: Reading) -> UsageError | None:
    """Return the error of an import of which most lines of a sample are not of its format.

    Args:
        source: of the lines.
        sample: lines that are not decoded yet.
        how: they are to be read.
    """
    form = source.partition(":")[0]
    accepted = _fitting(form, sample, how)
    return _refusal(source, sample, how, len(sample) - accepted, accepted)


def _refusal(
    source: str, sample: Sequence[Frame], how: Reading, refused: int, accepted: int
) -> UsageError | None:
    if refused <= accepted:
        return None
    form, _, name = source.partition(":")
    lines = f"of {plural(refused + accepted, 'line')}"
    return UsageError(
        f"{plural(refused, f'{lines} is', f'{lines} are')} not of the format {form}; "
        "what is refused is kept as a dead letter",
        where="standard input" if name == "-" else name,
        hint=_likely(form, sample, how),
    )


def _likely(form: str, sample: Sequence[Frame], how: Reading) -> str:
    """Return what the format may be instead."""
    from hubbub.collector.decode.formats import FORMATS

    if how.log_format:
        return "compare --log-format with a line of the log, or leave it out"
    if form == "perceval" and any(frame.body == b"{" for frame in sample):
        return "write one item a line: `perceval BACKEND … --json-line`"
    for other in FORMATS:
        if other != form and _fits(other, sample):
            return f"it looks like --format {other}"
    if form == _ACCESS_LOG:
        return (
            "if the web server has a custom format, give it with --log-format, as its "
            "configuration writes it: LogFormat of Apache, log_format of nginx"
        )
    return "`hubbub dead-letters list` shows the lines, `hubbub import --help` the formats"


def _fits(form: str, sample: Sequence[Frame]) -> bool:
    """Whether most of these lines can be decoded in a format."""
    from hubbub.collector.decode.line_reading import Reading
    from hubbub.collector.decode.notebooks import COLUMNS

    how = Reading(columns=",".join(COLUMNS["later"]))
    return 2 * _fitting(form, sample, how) > len(sample)


def _fitting(form: str, sample: Sequence[Frame], how: Reading) -> int:
    """Return how many lines are of a format, though a value may be wrong."""
    from msgspec.structs import replace

    from hubbub.collector.decode.line_reading import pack
    from hubbub.collector.people.extract import events_of

    fitting = 0
    for frame in sample:
        try:
            events_of(replace(frame, source=f"{form}:", topic=pack(how)))
        except MessageError as error:
            fitting += error.reason not in _NOT_OF_FORMAT
        else:
            fitting += 1
    return fitting
