"""What a table leaves out on a terminal, and the options that bring it back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubbub.analyzers.result import Result
from hubbub.cli.output import formats
from hubbub.cli.output.formats import Layout, chosen, show_table, write
from hubbub.errors import UsageError
from hubbub.formats.tables import Table
from hubbub.run.scope import CommonOptions, Range, range_notes
from hubbub.store.query.extent import Extent
from hubbub.times import to_micros
from tests.support.commandline import SINCE, UNTIL, Run

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(formats, "_on_terminal", lambda: True)


def windows(number: int) -> Table:
    rows = [[f"{START + timedelta(days=n):%Y-%m-%dT%H:%M:%SZ}", n] for n in range(number)]
    return Table(["start", "n"], rows)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_the_newest_of_many_windows(capfd: pytest.CaptureFixture[str]) -> None:
    show_table(windows(40))
    shown = capfd.readouterr()
    assert [line.split()[1] for line in shown.out.splitlines()[2:]] == [
        str(n) for n in range(10, 40)
    ]
    assert "40 rows, of which these are the newest 30" in shown.err
    show_table(windows(30))
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_the_first_of_a_ranking(capfd: pytest.CaptureFixture[str]) -> None:
    show_table(Table(["user", "n"], [[f"user{n}", 100 - n] for n in range(50)]), Layout(rows=5))
    shown = capfd.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()[2:]] == [
        f"user{n}" for n in range(5)
    ]
    assert "50 rows, of which these are the first 5 (--rows 0 shows all)" in shown.err


@pytest.mark.usefixtures("terminal")
def test_rankings_of_several_times_are_cut_between_times(
    capfd: pytest.CaptureFixture[str],
) -> None:
    rows = [[f"2026-0{month}", f"user{n}"] for month in (1, 2, 3) for n in range(20)]
    show_table(Table(["month", "user"], rows), Layout(rows=45))
    shown = capfd.readouterr()
    assert [line.split() for line in shown.out.splitlines()[2:]] == rows[20:]
    assert "60 rows, of which these are the newest 40" in shown.err
    show_table(Table(["month", "user"], rows), Layout(rows=5))
    shown = capfd.readouterr()
    assert [line.split() for line in shown.out.splitlines()[2:]] == rows[40:45]


def test_a_pipe_gets_every_row(capfd: pytest.CaptureFixture[str]) -> None:
    show_table(windows(40))
    shown = capfd.readouterr()
    assert len(shown.out.splitlines()) == 41
    assert shown.err == ""


@pytest.mark.usefixtures("terminal")
def test_the_headline_stays_on_a_narrow_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    columns = [f"column{n}" for n in range(20)]
    data = Table(columns, [[f"value{n}" for n in range(20)]])
    show_table(data, Layout(headline=("column0", "column19")))
    shown = capfd.readouterr()
    assert shown.out.split()[:3] == ["column0", "column19", "column1"]
    assert "(--wide shows all): column" in shown.err
    show_table(data, Layout(headline=("column0", "column19"), wide=True))
    shown = capfd.readouterr()
    assert shown.out.splitlines()[0].split() == columns
    assert shown.err == ""


def test_longtail_leads_with_effective_people(
    hubbub: Run, made_store: Path, terminal: None
) -> None:
    del terminal
    shown = hubbub(
        "query", "longtail", "--store", made_store, "--since", SINCE, "--until", UNTIL
    )  # fmt: skip
    assert shown.out.split()[:4] == ["start", "effective_people", "absence_factor", "n"]
    wanted = hubbub(
        *("query", "longtail", "--store", made_store, "--since", SINCE, "--until", UNTIL),
        *("--columns", "total, n", "--format", "csv"),
    )
    assert wanted.out.splitlines()[0] == "total,n"


def test_columns_that_do_not_exist_are_named() -> None:
    rows = Result("q", {}, [{"user": "a", "n": 1}], START, START, events=1)
    with pytest.raises(UsageError, match=r"no column 'usr'(.|\n)*did you mean user"):
        chosen(rows, ["usr"])
    with pytest.raises(UsageError, match="no columns"):
        chosen(Result("q", {}, {"a": 1}, START, START, events=1), ["a"])
    assert chosen(rows, ["n"]).data == [{"n": 1}]


def test_the_end_of_a_range_is_noted_where_newer_events_matter() -> None:
    week = Range(START, START + timedelta(days=7))

    def noted(after: timedelta) -> bool:
        extent = Extent(to_micros(START), to_micros(week.until + after))
        return bool(range_notes(CommonOptions(), week, extent))

    assert [noted(timedelta(minutes=m)) for m in (0, 5, 100, 102)] == [False, False, False, True]


def test_the_layout_does_not_change_other_formats(capfd: pytest.CaptureFixture[str]) -> None:
    rows = Result("q", {}, [{"a": n} for n in range(40)], START, START, events=40)
    write(rows, "csv", Layout(rows=3))
    assert len(capfd.readouterr().out.splitlines()) == 41
