"""`hubbub publish -o DIR`: a static site of the store's numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.commands.results.chart import STYLE, check_style, show_warnings
from hubbub.cli.functions import (
    INCOMPLETE,
    configured_options,
    lang_option,
    make_runner,
    range_options,
    request_language,
    stated_parameters,
)
from hubbub.errors import HubbubError, UsageError
from hubbub.language import _, use_language

if TYPE_CHECKING:
    from hubbub.publish.settings import Settings
    from hubbub.publish.site import Site
    from hubbub.run.runner import Runner
    from hubbub.run.scope import CommonOptions
    from hubbub.store import Store

__all__ = ["publish"]

_FORGES = ("github", "gitlab", "forgejo")
_OWN = frozenset(
    {
        *("output", "views", "names", "check", "as_json", "workflow", "title", "url", "licence"),
        *("cards", "font_dir", "style", "lang", "data_since", "allow_incomplete"),
    }
)


@click.command(name="publish")
@click.option("output", "-o", "--output", metavar="DIR", help="Folder to write into.")
@click.option(
    "--views",
    metavar="NAME,…",
    help="Views to draw, also those of plugins. [default: all built-in ones]",
)
@click.option(
    "--names",
    is_flag=True,
    help="Name people. Without it they are counted, and views of what single people do are left "
    "out.",
)
@click.option("--title", metavar="TEXT", help="Title of the site.")
@click.option(
    "--url",
    metavar="URL",
    help="Address at which the site will be: for the feed, social cards and code to embed.",
)
@click.option(
    "licence",
    "--license",
    metavar="NAME",
    help="Licence of the data: CC0-1.0, CC-BY-4.0, ODbL-1.0, …, or an address.",
)
@click.option(
    "--data-since",
    metavar="TIME",
    help="Start of the explorer's data and of the feed. [default: everything that is stored]",
)
@click.option(
    "--cards/--no-cards",
    default=True,
    help="Draw a social card (PNG) for each view. [default: yes]",
)
@click.option("--style", type=click.Path(), metavar="FILE", help=STYLE)
@click.option(
    "--font-dir",
    multiple=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Folder with fonts for the social cards: Chinese, Arabic, emoji, …; repeatable.",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; list what the site would show about people."
)
@click.option("as_json", "--json", is_flag=True, help="Print what --check finds as JSON.")
@click.option(
    "--workflow",
    type=click.Choice(_FORGES),
    help="Print a workflow file that gathers, publishes and commits every day.",
)
@pass_app
def publish(app: App, /, **values: Any) -> int:
    """Make a static site: pictures, an explorer, downloads and a feed.

    The site needs no server: it works from a disk and on services like GitHub Pages, and loads
    nothing from elsewhere. Its pictures show the last 90 days of data, unless --since is given; the
    explorer has all that is stored. The same data gives the same bytes. Of an earlier site in the
    folder, files that are no longer part of it are deleted.
    """
    if values["workflow"]:
        from hubbub.publish.workflows import workflow

        click.echo(workflow(values["workflow"]), nl=False)
        return 0
    _check_usage(values)
    app.configure_logging()
    app.plugins()
    language = request_language(app, values["lang"])
    with use_language(language):
        settings = _settings(app, values)
    if values["output"] and not values["check"]:
        from hubbub.publish.write import check_folder

        check_folder(Path(values["output"]))
    with show_warnings(), app.reading(engine=True) as store:
        return _publish(app, store, settings, values, language)


def _check_usage(values: dict[str, Any]) -> None:
    if values["as_json"] and not values["check"]:
        raise UsageError("--json is for --check", hint="add --check, or leave --json out")
    if not values["output"] and not values["check"]:
        raise UsageError(
            "no folder is given", hint="add -o DIR to publish, or --check to see what it would show"
        )


def _settings(app: App, values: dict[str, Any]) -> Settings:
    from hubbub.publish import settings

    configured = app.config.publish
    views = values["views"]
    chosen = configured.views if views is None else tuple(n.strip() for n in views.split(","))
    if views is not None and not all(chosen):
        raise UsageError(
            f"{views[:80]!r} is no list of views", where="--views", hint="write tail,volume"
        )
    made = settings.Settings(
        url=settings.address(values["url"])
        if values["url"]
        else settings.address(configured.url, "publish.url"),
        views=chosen,
        names=values["names"],
        cards=values["cards"] and _has_png(),
        licence=settings.licence(values["licence"])
        if values["licence"]
        else settings.licence(configured.license, "publish.license"),
        font_dirs=tuple(map(Path, values["font_dir"])),
    )
    project = app.config.project.name
    usual = _("Who carries the load in {project}", project=project) if project else _(made.title)
    title = (values["title"] or configured.title or "").strip() or usual
    return replace(made, title=" ".join(title.split()))


def _has_png() -> bool:
    from importlib.util import find_spec

    return find_spec("resvg_py") is not None


def _publish(
    app: App, store: Store, settings: Settings, values: dict[str, Any], language: str
) -> int:
    from hubbub.cli.output.progress import bar
    from hubbub.publish import site
    from hubbub.run.injection import Injector

    inject = Injector(store.state, style=check_style(values["style"]))

    def runner(*, common: CommonOptions, names: bool) -> Runner:
        return make_runner(app, store, common=common, names=names, inject=inject)

    stated = stated_parameters(values, _OWN)
    if app.config.publish.since is not None:
        stated = {"since": app.config.publish.since, **stated}
    options, begin = site.ranges(runner, configured_options(app), stated, values["data_since"])
    accounts = site.accounts(store)
    with bar("publishing:") as progress, use_language(language):
        made = site.build(
            store, runner, options, begin, settings, names=accounts, progress=progress
        )
    if values["check"]:
        from hubbub.publish import check

        bots = runner(common=options, names=True).bots
        with use_language(language):  # in whose words people are numbered
            parts = check.visible(made, accounts, bots)
        if values["as_json"]:
            app.print_facts(check.document(made, settings, parts), as_json=True)
        else:
            click.echo("\n".join(check.lines(made, settings, parts)))
    else:
        _write(made, settings, values)
    return _finish(made, values)


def _write(made: Site, settings: Settings, values: dict[str, Any]) -> None:
    from hubbub.publish.write import write

    written = write(Path(values["output"]), made.files)
    deleted = f", {written.deleted:,} deleted" if written.deleted else ""
    click.echo(
        f"{written.files:,} files in {values['output']}, {written.changed:,} changed{deleted}; "
        "open index.html"
    )
    if values["cards"] and not settings.cards:
        click.echo(
            "note: no social cards, which need the extra `png`: pip install 'hubbub[png]'", err=True
        )
    if not settings.url:
        click.echo(
            "note: without --url social media show no card, and the feed lacks its address",
            err=True,
        )


def _finish(made: Site, values: dict[str, Any]) -> int:
    """Say what the user should know; return the exit code."""
    from hubbub.formats.tables import clean, clean_lines

    for note in made.notes:
        click.echo(f"note: {clean(note)}", err=True)
    codes = []
    for each in made.missing:
        if each.error is not None:
            known = isinstance(each.error, HubbubError)
            why = str(each.error) if known else repr(each.error)
            click.echo(f"not drawn: {each.name}: {clean_lines(why)}", err=True)
            codes.append(getattr(each.error, "exit_code", 1))
    if codes:
        return max(codes)
    gaps = any(
        (picture.drawing.metadata.get("coverage") or {}).get("gaps") for picture in made.pictures
    )
    return INCOMPLETE if gaps and not values["allow_incomplete"] else 0


publish.params.extend([lang_option(), *range_options()])
common_options(publish)
