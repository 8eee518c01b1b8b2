"""Options of the commands that accept messages: size limit and verification of signatures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hubbub.cli.app import App
from hubbub.errors import UsageError
from hubbub.sizes import parse_size

if TYPE_CHECKING:
    from hubbub.collector.signatures.guard import TrustFiles

__all__ = ["max_message", "size_option", "trust_files", "trust_options"]

C = TypeVar("C", bound=Callable[..., Any])


def size_option(command: C) -> C:
    """Add `--max-message`."""
    return click.option(
        "--max-message",
        metavar="SIZE",
        help="Refuse larger bodies and keep their beginning as dead letters. [default: 4MiB]",
    )(command)


def max_message(app: App, option: str | None) -> int:
    """Return the size limit in bytes: `--max-message`, else the configured one, else 4 MiB.

    Raises:
        UsageError: not a size, or more than the spool can hold.
    """
    from hubbub.collector.decode.rejected import MAX_MESSAGE, check_max_message

    text = option or app.config.max_message
    return MAX_MESSAGE if text is None else check_max_message(parse_size(text))


def trust_options(command: C) -> C:
    """Add the options for the verification of signatures."""
    file: dict[str, Any] = {"type": click.Path(dir_okay=False), "metavar": "FILE"}
    nitpicky = "Refuse topics that the policy does not name."
    verify = "Refuse messages without a valid signature. [default: verify if there is a CA]"
    for option in (
        click.option("--verify/--no-verify", default=None, help=verify),
        click.option("--nitpicky", is_flag=True, help=nitpicky),
        click.option("--policy", **file, help="Which certificates may send which topics (TOML)."),
        click.option("--crl", **file, help="The CA's revocation list (PEM)."),
        click.option("--ca", **file, help="Certificate of the CA to trust (PEM)."),
    ):
        command = option(command)
    return command


def trust_files(app: App, options: dict[str, Any], *, configured: bool = True) -> TrustFiles | None:
    """Return the files to verify signatures with, from `trust_options`; None: do not verify.

    Args:
        app: its configuration's `[trust]` is used if `--ca` is not given.
        options: of the command.
        configured: whether a configured CA alone turns verification on; otherwise --ca or --verify
            must be given.

    Raises:
        UsageError: a file is invalid, or an option needs a CA and there is none.
    """
    from hubbub.collector.signatures.guard import TrustFiles

    verify = options["verify"]
    if verify is False or (verify is None and not configured and options["ca"] is None):
        given = [name for name in ("ca", "crl", "policy", "nitpicky") if options[name]]
        if given:
            raise UsageError(
                f"--{given[0]} has no effect: signatures are not verified",
                hint="leave it out, or give --ca FILE without --no-verify",
            )
        return None
    settings = app.config.trust
    if options["ca"] is not None:
        paths = [options[name] for name in ("ca", "crl", "policy")]
        nitpicky = options["nitpicky"]
    else:
        paths = [options[name] or getattr(settings, name) for name in ("ca", "crl", "policy")]
        nitpicky = options["nitpicky"] or settings.nitpicky
    if paths[0] is None:
        if verify or nitpicky or any(paths):
            raise UsageError(
                "there is no CA to verify signatures with",
                hint="give --ca FILE, or set ca in the section [trust] of the configuration",
            )
        return None
    ca, crl, policy = (path and str(Path(path).absolute()) for path in paths)
    files = TrustFiles(ca, crl, policy, nitpicky)
    files.load()
    if not nitpicky:
        rest = "topics that the policy does not name" if policy else "any topic: there is no policy"
        click.echo(
            f"warning: every certificate of the CA may send {rest};"
            " --nitpicky (nitpicky = true in [trust]) refuses what no policy names",
            err=True,
        )
    return files
