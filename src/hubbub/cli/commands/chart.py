"""`hubbub chart NAME -o FILE`: draw a view."""

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
from hubbub.cli.functions import FunctionGroup, command, ended, parameters, runner_of
from hubbub.errors import UsageError
from hubbub.registry import Function

__all__ = ["STYLE", "chart", "checked"]

STYLE = "TOML with a community's colours and font; checked for contrast and colour blindness."
SUFFIXES = (".svg", ".png", ".html")
_TAKEN = frozenset({"output", "theme", "style", "size", "font_dir", "allow_incomplete"})
_SHAPE = re.compile(r"(\d{1,6})(?:x(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Raster:
    """What only a PNG takes: its size in px, and folders of fonts."""

    width: int | None = None
    height: int | None = None
    font_dirs: tuple[Path, ...] = ()

    @classmethod
    def of(cls, size: str | None, font_dirs: tuple[str, ...], suffix: str) -> Raster:
        """From `--size 1200x630` (or a width alone) and `--font-dir`.

        Raises:
            UsageError: no such size, or the picture is no PNG.
        """
        if suffix != ".png":
            if size or font_dirs:
                raise UsageError(
                    f"{'--size' if size else '--font-dir'} is for PNG",
                    hint="an SVG has no size of its own and takes the reader's fonts",
                )
            return cls()
        found = _SHAPE.fullmatch(size) if size else None
        if size and found is None:
            raise UsageError(
                f"{size!r} is no size", where="--size", hint="write 1200x630, or a width alone"
            )
        wide, high = found.groups() if found else (None, None)
        return cls(
            int(wide) if wide else None, int(high) if high else None, tuple(map(Path, font_dirs))
        )


def _suffix(output: str | None) -> str:
    """What is to be drawn, known before anything is computed.

    Raises:
        UsageError: a terminal cannot show it, or no such kind of file.
    """
    if output in {None, "-"}:
        if sys.stdout.isatty():
            raise UsageError("where shall the picture go? add -o FILE.svg, .png or .html")
        return ".svg"
    path = Path(str(output))
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"-o takes a file that ends in {', '.join(SUFFIXES)}", where=str(path))
    if not path.parent.is_dir():
        raise UsageError("there is no such folder to write into", where=str(path.parent))
    return path.suffix.lower()


def checked(file: str | None) -> Path | None:
    """A style file, with a warning for each pair of colours that some people cannot tell apart.

    Raises:
        UsageError: it cannot be read, or is no style.
    """
    if not file:
        return None
    from hubbub.charts.picture.style import check, load

    for said in check(load(Path(file))):
        click.echo(f"hubbub: {said}", err=True)
    return Path(file)


@contextmanager
def told() -> Iterator[None]:
    """Warnings of the charts, one line each, on standard error."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default", UserWarning)
        yield
    for warning in said:
        click.echo(f"hubbub: {warning.message}", err=True)


def drawn(drawing: Any, suffix: str, raster: Raster) -> bytes:
    """A drawing as the bytes of a file; a view that gives text (HTML) is taken as it is."""
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
    return svg


def _run(app: App, name: str, values: dict[str, Any]) -> int:
    from hubbub.run.injection import Injector

    app.logs()
    output = values["output"]
    suffix = _suffix(output)
    raster = Raster.of(values["size"], values["font_dir"], suffix)
    with told(), app.reading() as store:
        inject = Injector(store.state, theme=values["theme"], style=checked(values["style"]))
        runner = runner_of(app, store, inject=inject)
        data = drawn(runner.view(name, **parameters(values, _TAKEN)), suffix, raster)
    if output in {None, "-"}:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    else:
        path = Path(output)
        try:
            path.write_bytes(data)
        except OSError as error:
            raise UsageError(f"cannot write: {error.strerror}", where=output) from error
    return ended(runner, allow_incomplete=values["allow_incomplete"])


def _command(function: Function) -> click.Command:
    return command(
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
            click.Option(
                ["--size"],
                metavar="WIDTH[xHEIGHT]",
                help="Of a PNG, in px: 1200x630 for a social card. [default: as the SVG]",
            ),
            click.Option(
                ["--font-dir"],
                multiple=True,
                type=click.Path(file_okay=False),
                metavar="DIR",
                help="Fonts for a PNG: Chinese, Arabic, emoji, …",
            ),
        ],
        _run,
    )


class _Views(FunctionGroup):
    kind = "view"
    make = staticmethod(_command)


@common_options
@click.group(name="chart", cls=_Views)
def chart() -> None:
    """Draw a view as SVG, PNG or HTML.

    Every view takes --since and --until, the filters, and options of its own:
    `hubbub chart NAME --help`.
    """
