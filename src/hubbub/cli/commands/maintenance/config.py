"""`hubbub config`: show, check and describe the configuration."""

from __future__ import annotations

import os
from pathlib import Path

import click

from hubbub.cli.app import App, common_options, pass_app

__all__ = ["config"]


@common_options
@click.group(name="config")
def config() -> None:
    """Show and check the configuration; write a sample of it.

    Options take precedence over environment variables (HUBBUB_SECTION_KEY), and those over the
    file.
    """


@common_options
@config.command(name="path")
@pass_app
def path_command(app: App) -> int:
    """Print the path of the configuration file, whether it exists or not."""
    from hubbub.config import file_path
    from hubbub.errors import UsageError

    file = file_path(app.config_path)
    if file is None:
        raise UsageError(
            "this account has no home folder for a configuration", hint="give --config PATH"
        )
    click.echo(os.fspath(file))
    if not file.exists():
        click.echo("it does not exist: hubbub config sample > PATH writes one", err=True)
    return 0


@common_options
@config.command(name="sample")
def sample_command() -> int:
    """Print a sample file with every key, its meaning, default and an example."""
    from hubbub.config import Config
    from hubbub.config.sample import sample
    from hubbub.config.schema import sections

    click.echo(sample(sections(Config)), nl=False)
    return 0


@common_options
@config.command(name="show")
@click.option("--all", "everything", is_flag=True, help="Also keys that are not set, as comments.")
@pass_app
def show_command(app: App, *, everything: bool) -> int:
    """Print what is set by the file and by environment variables, as TOML.

    Secrets and passwords in addresses are masked.
    """
    from hubbub.config import Config, file_path, read_effective
    from hubbub.config.sample import effective
    from hubbub.config.schema import sections
    from hubbub.formats.tables import clean_lines

    _ = app.config  # reports mistakes
    table, variables = read_effective(app.config_path)
    file = file_path(app.config_path)
    shown = file if file is not None and file.exists() else None
    click.echo(f"# file: {shown or 'none'}")
    origin = {(key.section, key.name): name for name, key in variables.items()}
    text = effective(table, sections(Config), origin, everything=everything)
    click.echo(clean_lines(text), nl=False)
    return 0


@common_options
@config.command(name="check")
@pass_app
def check_command(app: App) -> int:
    """Check the file, the values in it, and the files that it names; connect to nothing.

    `hubbub doctor` also tries the sources.
    """
    from hubbub.cli.commands.maintenance.config_check import mistakes
    from hubbub.config import Config, environment, file_path, read_effective
    from hubbub.config.schema import sections
    from hubbub.errors import UsageError
    from hubbub.formats.tables import clean_lines

    table, variables = read_effective(app.config_path)
    found = [str(error) for error in mistakes(app.config, table)]
    keys = [key for section in sections(Config) for key in section.keys]
    for name, nearest in environment.unknown(keys, os.environ).items():
        click.echo(f"warning: {name} sets no key; did you mean {nearest}?", err=True)
    for text in found:
        click.echo(clean_lines(text), err=True)
    file = file_path(app.config_path)
    where = [str(file)] if file is not None and Path(file).exists() else []
    where += sorted(variables)
    if found:
        return UsageError.exit_code
    click.echo(f"valid: {', '.join(where) or 'nothing is set, every default applies'}")
    return 0
