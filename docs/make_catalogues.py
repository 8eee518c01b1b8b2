"""Bring src/hubbub/language/catalogues up to date: messages of the code into *.po, *.po into *.mo.

Translations of messages that the code still has are kept, others are dropped. With `--check`
nothing is written, and the exit code is 1 if a file is stale or a message has no translation.
"""

import argparse
import ast
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "src" / "hubbub" / "language" / "catalogues"
CODE = ("charts", "live", "src/hubbub")
READINGS = "charts/report/readings.json"
#: Number of arguments that are texts of a call, by the name of the function.
CALLS = {"_": 1, "N_": 1, "pgettext": 2, "ngettext": 2, "npgettext": 3}
Key = tuple[str, str, str]  # context, message, plural; empty where there is none


@dataclass
class Found:
    """A message of the code, and the files in which it is."""

    files: list[str] = field(default_factory=list)


def messages_of(tree: ast.Module, name: str) -> Iterator[Key]:
    """Yield the messages of a module.

    Raises:
        ValueError: a call builds its text, so that no catalogue could have it.
    """
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS
    ]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        assert isinstance(call.func, ast.Name)
        function, texts = call.func.id, call.args[: CALLS[call.func.id]]
        if not all(isinstance(text, ast.Constant) for text in texts):
            built = any(isinstance(t, ast.JoinedStr | ast.BinOp | ast.IfExp) for t in texts)
            if built or function == "N_":
                raise ValueError(f"{name}:{call.lineno}: {function} needs a constant text")
            continue  # a constant that N_ has marked
        values = [str(text.value) for text in texts if isinstance(text, ast.Constant)]
        context = values.pop(0) if function in {"pgettext", "npgettext"} else ""
        yield context, values[0], values[1] if len(values) > 1 else ""


def descriptions_of(tree: ast.Module) -> Iterator[Key]:
    """Yield the first paragraph of what each view of a module says of itself."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(map(_is_view, node.decorator_list)):
            about = (ast.get_docstring(node) or "").partition("\n\n")[0]
            yield "", " ".join(about.split()), ""


def _is_view(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id == "view"


def template(root: Path = ROOT) -> dict[Key, Found]:
    """Return the messages of the code and of the readings, in the order of files and lines."""
    found: dict[Key, Found] = {}
    for folder in CODE:
        for path in sorted((root / folder).rglob("*.py")):  # does not follow the links to folders
            name = str(path.relative_to(root))
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for key in [*messages_of(tree, name), *descriptions_of(tree)]:
                files = found.setdefault(key, Found()).files
                if name not in files:
                    files.append(name)
    readings = json.loads((root / READINGS).read_text(encoding="utf-8"))
    for texts in readings.values():
        for text in texts.values():
            found.setdefault(("", text, ""), Found()).files[:] = [READINGS]
    return found


class Catalogue(Catalog):
    """A catalogue whose file says nothing of when and with which version it was written."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """The headers that a reader of the file needs."""
        return [
            ("Language", self.locale_identifier or ""),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def updated(old: Catalog, found: dict[Key, Found]) -> Catalogue:
    """Return the catalogue with the messages of the code and the translations that it has."""
    head = old.header_comment
    if "PROJECT" in head:  # Babel's own, of an empty file
        name = old.locale.english_name if old.locale else old.locale_identifier
        head = f"# {name} texts of hubbub's charts, reports and published pages.\n#\n# Terms:\n#"
    new = Catalogue(locale=old.locale_identifier, header_comment=head, fuzzy=False)
    for (context, one, many), place in found.items():
        known = old.get((one, many) if many else one, context or None)
        text = known.string if known is not None and not known.fuzzy else ""
        if many and (isinstance(text, str) or len(text) != new.num_plurals):
            text = ("",) * new.num_plurals
        new.add(
            (one, many) if many else one,
            text,
            locations=[(name, None) for name in place.files],
            auto_comments=known.auto_comments if known is not None else (),
            user_comments=known.user_comments if known is not None else (),
            context=context or None,
        )
    return new


def missing(catalogue: Catalog) -> list[str]:
    """Return the messages without a translation."""
    texts = [(m.id, m.string) for m in catalogue if m.id]
    return [
        str(name) for name, text in texts if not (all(text) if isinstance(text, tuple) else text)
    ]


def files_of(source: Path, found: dict[Key, Found]) -> tuple[dict[Path, bytes], list[str]]:
    """Return what a catalogue's two files have to contain, and its messages without translation."""
    with source.open("rb") as stream:
        catalogue = updated(read_po(stream, locale=source.stem), found)
    text, compiled = BytesIO(), BytesIO()
    write_po(text, catalogue, width=100, include_lineno=False)
    write_mo(compiled, catalogue)
    contents = {source: text.getvalue(), source.with_suffix(".mo"): compiled.getvalue()}
    return contents, missing(catalogue)


def main() -> int:
    """Write the catalogues, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only check; 1 if a file is stale")
    check = parser.parse_args().check
    found, code = template(), 0
    for source in sorted(FOLDER.glob("*.po")):
        contents, untranslated = files_of(source, found)
        for text in untranslated:
            print(f"{source.name}: no translation: {text}", file=sys.stderr)
        if check and untranslated:
            code = 1
        for path, content in contents.items():
            if check and (not path.is_file() or path.read_bytes() != content):
                print(f"{path} is stale: run `make docs`", file=sys.stderr)
                code = 1
            elif not check:
                path.write_bytes(content)
    return code


if __name__ == "__main__":
    sys.exit(main())
