"""`hubbub chart NAME -o FILE`: draw a view to a file."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hubbub.cli.app import App, common_options
from hubbub.cli.functions import (
    FunctionGroup,
    finish,
    lang_option,
    make_command,
    make_runner,
    request_language,
    stated_parameters,
)
from hubbub.errors import UsageError
from hubbub.language import use_language
from hubbub.registry import Function

__all__ = ["STYLE", "Raster", "chart", "check_style", "encode", "picture_suffix", "write_picture"]

STYLE = "TOML file with colours and a font; checked for contrast and colour blindness."
SUFFIXES = (".svg", ".png", ".html")
_OWN = frozenset(
    {
        "output",
        "theme",
        "style",
        "lang",
        "size",
        "font_dir",
        "title",
        "subtitle",
        "allow_incomplete",
    }
)
_SIZE = re.compile(r"(\d{1,6})(?:x(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Raster:
    """The size in px, and, of a PNG, folders of fonts."""

    width: int | None = None
    height: int | None = None
    font_dirs: tuple[Path, ...] = ()

    @classmethod
    def of(cls, size: str | None, font_dirs: tuple[str, ...], suffix: str) -> Raster:
        """Parse `--size 1200x630` (or only a width) and `--font-dir`.

        Raises:
            UsageError: not a size, or the picture is not of a kind that has one.
        """
        if suffix != ".png" and font_dirs:
            raise UsageError("--font-dir is for PNG only", hint="an SVG uses the reader's fonts")
        if suffix == ".html" and size:
            raise UsageError("--size is for SVG and PNG only", hint="a page fits its window")
        match = _SIZE.fullmatch(size) if size else None
        if size and match is None:
            raise UsageError(
                f"{size!r} is not a size", where="--size", hint="write 1200x630, or only a width"
            )
        width, height = match.groups() if match else (None, None)
        return cls(
            int(width) if width else None,
            int(height) if height else None,
            tuple(map(Path, font_dirs)),
        )


def picture_suffix(output: str | None) -> str:
    """Return the suffix of the file to be written, checked before anything is computed.

    Raises:
        UsageError: the output is a terminal, its suffix is unknown, or its folder does not exist.
    """
    if output in {None, "-"}:
        if sys.stdout.isatty():
            raise UsageError(
                "a picture cannot be shown on a terminal", hint="add -o FILE.svg, .png or .html"
            )
        return ".svg"
    path = Path(str(output))
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"-o takes a file that ends in {', '.join(SUFFIXES)}", where=str(path))
    if not path.parent.is_dir():
        raise UsageError(
            "this folder does not exist",
            where=str(path.parent),
            hint="create it, or choose another with -o",
        )
    return path.suffix.lower()


def check_style(file: str | None) -> Path | None:
    """Check a style file; warn about colours that some people cannot distinguish.

    Raises:
        UsageError: it cannot be read, or is not a style.
    """
    if not file:
        return None
    from hubbub.charts.picture.style import check, load

    for warning in check(load(Path(file))):
        click.echo(f"hubbub: {warning}", err=True)
    return Path(file)


@contextmanager
def show_warnings() -> Iterator[None]:
    """Print the charts' warnings, one line each, on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        yield
    for warning in caught:
        click.echo(f"hubbub: {warning.message}", err=True)


def encode(drawing: Any, suffix: str, raster: Raster) -> bytes:
    """Return the bytes of a file for a drawing; text (HTML) and bytes are kept as they are."""
    if isinstance(drawing, bytes):
        return drawing
    if isinstance(drawing, str):
        return drawing.encode()
    if suffix == ".png":
        data: bytes = drawing.png(raster.width, height=raster.height, font_dirs=raster.font_dirs)
        return data
    if suffix == ".html":
        return str(drawing.html()).encode()
    svg: bytes = drawing.svg()
    if raster.width is not None:
        from hubbub.charts.picture.size import resized

        return resized(svg, raster.width, raster.height)
    return svg


def write_picture(data: bytes, output: str | None) -> None:
    """Write a file as a whole, or to standard output.

    Raises:
        UsageError: it cannot be written.
    """
    from hubbub.store.disk.files import replace_file

    if output in {None, "-"}:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    path = Path(str(output))
    try:
        replace_file(path, data)
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=str(path)) from error


def _run(app: App, name: str, values: dict[str, Any]) -> int:
    from hubbub.run.injection import Injector

    app.configure_logging()
    output = values["output"]
    suffix = picture_suffix(output)
    raster = Raster.of(values["size"], values["font_dir"], suffix)
    with show_warnings(), app.reading(engine=True) as store:
        inject = Injector(
            store.state,
            theme=values["theme"],
            style=check_style(values["style"]),
            texts=(values["title"] or "", values["subtitle"] or ""),
        )
        runner = make_runner(app, store, inject=inject)
        with use_language(request_language(app, values["lang"])):
            data = encode(runner.view(name, **stated_parameters(values, _OWN)), suffix, raster)
    write_picture(data, output)
    return finish(runner, allow_incomplete=values["allow_incomplete"])


def _command(function: Function) -> click.Command:
    return make_command(
        function,
        [
            click.Option(
                ["output", "-o", "--output"],
                type=click.Path(dir_okay=False),
                metavar="FILE",
                help="FILE.svg, FILE.png or FILE.html; - is standard output.",
            ),
            click.Option(
                ["--theme"],
                type=click.Choice(["auto", "light", "dark"]),
                default="auto",
                help="Colours; auto follows the reader's screen. [default: auto]",
            ),
            click.Option(["--style"], type=click.Path(), metavar="FILE", help=STYLE),
            lang_option(),
            click.Option(
                ["--size"],
                metavar="WIDTH[xHEIGHT]",
                help="Size in px: 1200x630 for a social card; the chart is centred in it, neither "
                "cropped nor stretched. [default: 800 wide]",
            ),
            click.Option(["--title"], help="Replaces the computed title."),
            click.Option(["--subtitle"], help="Replaces the computed subtitle."),
            click.Option(
                ["--font-dir"],
                multiple=True,
                type=click.Path(file_okay=False),
                metavar="DIR",
                help="Folder with fonts for a PNG: Chinese, Arabic, emoji, …; repeatable.",
            ),
        ],
        _run,
    )


@common_options
@click.group(name="chart", cls=FunctionGroup, kind="view", make=_command)
def chart() -> None:
    """Draw a view as SVG, PNG or HTML.

    Every view takes --since, --until and the filters; `hubbub chart NAME --help` shows its other
    options.
    """
