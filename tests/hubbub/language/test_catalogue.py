"""Messages, their values and the current language."""

import threading
from datetime import date, timedelta

import pytest

from hubbub.errors import UsageError
from hubbub.language import (
    _,
    current_language,
    languages,
    ngettext,
    npgettext,
    pgettext,
    use_language,
)
from hubbub.language.dates import date_name, month_name, short_date, short_month, short_weekday
from hubbub.language.numbers import amount, brief, byte_size, percent, signed, tick
from hubbub.language.plurals import plural
from hubbub.language.wording import duration, duration_after_in, joined


def test_english_is_the_language_unless_another_is_used():
    assert current_language() == "en"
    with use_language("de"):
        assert current_language() == "de"
        with use_language("en"):
            assert _("{day} {month}", day=1, month="May") == "1 May"
        assert _("{day} {month}", day=1, month="Mai") == "1.\xa0Mai"
    assert current_language() == "en"


def test_languages_are_english_and_the_files():
    assert languages()[0] == "en"
    assert "de" in languages()


@pytest.mark.parametrize("name", ["xx", "", "../de", "DE"])
def test_an_unknown_language_is_an_error_that_names_the_others(name: str):
    with pytest.raises(UsageError, match="there are: en, de"), use_language(name):
        pass


def test_values_may_contain_braces_and_a_message_without_values_is_no_template():
    assert _("{a} and {b}", a="{b}", b="{0}") == "{b} and {0}"
    assert _("{not a place}") == "{not a place}"


def test_what_a_catalogue_lacks_stays_english():
    with use_language("de"):
        assert _("a plugin's own text: {n}", n=1) == "a plugin's own text: 1"
        assert pgettext("plugin", "a plugin's {n}", n=1) == "a plugin's 1"
        assert ngettext("{n} of a plugin", "{n} of plugins", 2) == "2 of plugins"
        assert npgettext("plugin", "{n} of one", "{n} of more", 1) == "1 of one"
        assert _("") == ""


def test_another_thread_has_its_own_language():
    seen: list[str] = []
    with use_language("de"):
        thread = threading.Thread(target=lambda: seen.append(current_language()))
        thread.start()
        thread.join()
    assert seen == ["en"]


@pytest.mark.parametrize(
    ("n", "english", "german"),
    [
        (1, "1 day", "1 Tag"),
        (0, "0 days", "0 Tage"),
        (1.5, "1.5 days", "1,5 Tage"),
        (0.5, "0.500 days", "0,500 Tage"),
        (1234, "1,234 days", "1.234 Tage"),
    ],
)
def test_forms_follow_the_number(n: float, english: str, german: str):
    assert ngettext("{n} day", "{n} days", n) == english
    with use_language("de"):
        assert ngettext("{n} day", "{n} days", n).replace("\xa0", " ") == german


def test_english_words_follow_a_number():
    files = [plural(n, "file") for n in (0, 1, 1234)]
    assert files == ["0 files", "1 file", "1,234 files"]
    assert [plural(n, "is", "are") for n in (1, 2)] == ["1 is", "2 are"]


FORMATS = [
    (lambda: amount(1234567.5), "1,234,568", "1.234.568"),
    (lambda: amount(-12.34), "−12.3", "−12,3"),
    (lambda: amount(0.044), "0.044", "0,044"),
    (lambda: tick(1500, 500), "1.5k", "1,5 Tsd."),
    (lambda: tick(0, 2e6), "0", "0"),
    (lambda: brief(12_345_678), "12.3M", "12,3 Mio."),
    (lambda: byte_size(118e6), "118 MB", "118 MB"),
    (lambda: byte_size(999.9e3), "1 MB", "1 MB"),
    (lambda: byte_size(500), "500 B", "500 B"),
    (lambda: signed(-1234), "−1,234", "−1.234"),
    (lambda: percent(0.125), "12%", "12 %"),
    (lambda: percent(0.0042), "0.4%", "0,4 %"),
    (lambda: percent(0.9999), "99.9%", "99,9 %"),
    (lambda: percent(-0.0001), ">−0.1%", ">−0,1 %"),
    (lambda: date_name(date(2026, 2, 27), year=True), "27 February 2026", "27. Februar 2026"),
    (lambda: short_date(date(2026, 2, 27)), "27 Feb", "27. Feb."),
    (lambda: short_date(date(2026, 3, 1), year=True), "1 Mar 2026", "1. März 2026"),
    (lambda: month_name(date(2026, 3, 1)), "March 2026", "März 2026"),
    (lambda: short_month(date(2026, 12, 1)), "Dec", "Dez."),
    (lambda: short_weekday(0), "Mon", "Mo"),
    (lambda: joined([]), "", ""),
    (lambda: joined(["a"]), "a", "a"),
    (lambda: joined(["a", "b", "c"]), "a, b and c", "a, b und c"),
    (lambda: duration(timedelta(days=7)), "7 days", "7 Tage"),
    (lambda: duration_after_in(timedelta(days=2.5)), "2.5 days", "2,5 Tagen"),
    (lambda: duration(timedelta(hours=24)), "24 h", "24 h"),
    (lambda: duration(timedelta(seconds=90)), "1.5 min", "1,5 min"),
    (lambda: duration(timedelta(milliseconds=1500)), "1.5 s", "1,5 s"),
]


@pytest.mark.parametrize(("make", "english", "german"), FORMATS, ids=[e for _f, e, _g in FORMATS])
def test_formats(make, english: str, german: str):
    assert make() == english
    with use_language("de"):
        assert make().replace("\xa0", " ") == german
