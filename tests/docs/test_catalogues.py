"""The catalogues: complete, in step with the code, and true to the places of each message."""

import ast
import gettext
import re
from typing import Any

import pytest
from babel.messages.pofile import read_po

from tests.support.charts import pseudo
from tests.support.paths import ROOT

FOLDER = ROOT / "src" / "hubbub" / "language" / "catalogues"
SOURCES = sorted(FOLDER.glob("*.po"))
_PLACE = re.compile(r"\{([^{}]*)\}")


@pytest.fixture(scope="module")
def make():
    return pseudo.make_catalogues()


@pytest.fixture(scope="module")
def template(make):
    """The messages of the code; not to be changed."""
    return make.template()


def forms(text: Any) -> tuple[str, ...]:
    """Return the forms of a message: one, or those of its numbers."""
    return text if isinstance(text, tuple) else (text,)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_both_files_are_what_the_code_and_the_translations_make(make, template, source):
    contents, missing = make.files_of(source, template)
    assert not missing
    for path, content in contents.items():
        assert path.read_bytes() == content


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_translations_have_all_forms_and_the_places_of_the_message(source):
    with source.open("rb") as stream:
        catalogue = read_po(stream, locale=source.stem)
    messages = [message for message in catalogue if message.id]
    assert messages
    for message in messages:
        assert not message.fuzzy, message.id
        ids, texts = forms(message.id), forms(message.string)
        assert len(texts) == (catalogue.num_plurals if isinstance(message.id, tuple) else 1)
        places = {place for text in ids for place in _PLACE.findall(text)}
        # the form for one thing may say the number in words, as the English one does
        least = [set(_PLACE.findall(ids[0]))] + [places] * (len(texts) - 1)
        for text, needed in zip(texts, least, strict=True):
            assert needed <= set(_PLACE.findall(text)) <= places, message.id


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_compiled_file_answers_with_the_translations(source):
    with source.open("rb") as stream:
        catalogue = read_po(stream, locale=source.stem)
    with source.with_suffix(".mo").open("rb") as stream:
        compiled = gettext.GNUTranslations(stream)
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            answer = (
                compiled.pgettext(message.context, message.id)
                if message.context
                else compiled.gettext(message.id)
            )
            assert answer == (message.string or message.id)


def test_a_new_language_begins_as_an_empty_file(make, template, tmp_path):
    source = tmp_path / "cs.po"
    source.touch()
    contents, missing = make.files_of(source, template)
    assert len(missing) == len(template)
    assert b"Plural-Forms: nplurals=3; plural=(n == 1 ? 0 :" in contents[source]
    assert contents[source].startswith(b"# Czech texts of hubbub")
    source.write_bytes(contents[source])
    assert make.files_of(source, template)[0] == contents


def test_translations_are_kept_and_what_the_code_has_no_longer_is_dropped(make, tmp_path):
    source = tmp_path / "de.po"
    source.write_text('msgid "kept"\nmsgstr "bleibt"\n\nmsgid "old"\nmsgstr "alt"\n')
    found = {("", "kept", ""): make.Found(["a.py"]), ("", "new", ""): make.Found(["a.py"])}
    contents, missing = make.files_of(source, found)
    assert missing == ["new"]
    assert b'msgid "kept"\nmsgstr "bleibt"' in contents[source]
    assert b"old" not in contents[source]


def test_messages_are_found_with_context_and_plural(make):
    code = 'a = _("one {x}", x=_("two"))\npgettext("c", "three")\nngettext("{n} a", "{n} b", 3)\n'
    code += 'X = N_("four" " five")\n_(X)\nnpgettext("d", "e", "f", 1)\n'
    assert list(make.messages_of(ast.parse(code), "x.py")) == [
        *(("", "one {x}", ""), ("", "two", ""), ("c", "three", ""), ("", "{n} a", "{n} b")),
        *(("", "four five", ""), ("d", "e", "f")),
    ]


@pytest.mark.parametrize("code", ['_(f"a {b}")', '_("a" + b)', "N_(a)", '_("a" if b else "c")'])
def test_a_text_that_is_built_is_refused(make, code: str):
    with pytest.raises(ValueError, match=r"x\.py:1"):
        list(make.messages_of(ast.parse(code), "x.py"))
