"""Views for the metrics of docs/metrics that hubbub itself has no view for.

`docs/make_metrics.py` draws the pictures of those pages with them. They are ordinary plugins:

    hubbub chart health --plugins examples/pictures.py --since 1y -o health.svg
"""

from dataclasses import replace

from hubbub import view

WEEKS = {"window": "28d", "step": "7d"}


@view(title="Effective people")
def effective_people(query, chart, since, until):
    result = query.longtail(since=since, until=until, **WEEKS)
    return chart.line(result, "end", ["effective_people", "n"])


@view(title="Absence factor")
def absence_factor(query, chart, since, until):
    result = query.longtail(since=since, until=until, **WEEKS)
    return chart.line(result, "end", ["absence_factor", "effective_people"])


@view(title="Entropy")
def entropy(query, chart, since, until):
    result = query.longtail(since=since, until=until, **WEEKS)
    return chart.line(result, "end", ["hill_1", "effective_people"])


@view(title="Rarefaction")
def rarefaction(query, chart, since, until):
    result = query.longtail(since=since, until=until, **WEEKS)
    rarefied = query.longtail(since=since, until=until, rarefy=0, **WEEKS)
    rows = [
        {"end": row["end"], "counted": row["n"], "of equally many messages": expected["n"]}
        for row, expected in zip(result.data, rarefied.data, strict=True)
    ]
    return chart.line(replace(result, data=rows), "end", [*rows[0]][1:])


@view(title="Health")
def health(query, chart, since, until):
    result = query.health(since=since, until=until, window="28d")
    return chart.line(result, "end", ["new", "continuing", "drifting"])


@view(title="What if the busiest were gone")
def what_if(query, chart, since, until):
    busiest = query.users(since=since, until=until, top=1).data[0]["user"]
    result = query.what_if(since=since, until=until, without=[busiest])
    rows = [
        {"category": row["name"], f"messages that name {busiest}": row["theirs"]}
        for row in result.data
        if row["kind"] == "category"
    ]
    return chart.bars(replace(result, data=rows), *rows[0])


@view(title="Year over year")
def year_over_year(query, chart, since, until):
    result = query.year_over_year(since=since, until=until)
    rows = [row for row in result.data if row["messages_before"] is not None]
    return chart.line(replace(result, data=rows), "start", ["messages", "messages_before"])


@view(title="An occasion")
def event_activity(query, chart, since, until):
    occasion = {"from": "2026-02-02", "to": "2026-02-16"}
    result = query.event_activity(since=since, until=until, **occasion)
    return chart.bars(result, "phase", "newcomers")


@view(title="Briefing")
def briefing(query, chart, since, until):
    result = query.briefing(since=since, until=until, top=10)
    rows = [{"topic": row["name"], "messages": row["value"]} for row in result.data if row["name"]]
    return chart.bars(replace(result, data=rows), "topic", "messages")


@view(title="Busiest users")
def users(query, chart, since, until):
    return chart.bars(query.users(since=since, until=until, top=15), "user", "messages")


@view(title="Rhythm of machines")
def suspects(query, chart, since, until):
    result = query.suspects(since=since, until=until)
    return chart.bars(result, "user", "night", title="Accounts that know no night")


@view(title="Organisations")
def organisations(query, chart, since, until):
    result = query.organisations(since=since, until=until, per="m")
    return chart.stacked(result, "period", "messages", "organisation")


@view(title="Students each day")
def daily_metrics(query, chart):
    result = query.daily_metrics()
    daily = result.data["daily_filled"]
    names = ("timestamps", "unique_students", "new_students")
    rows = [
        {"day": day[:10], "students": unique, "new": new}
        for day, unique, new in zip(*(daily[name] for name in names), strict=True)
    ]
    return chart.line(replace(result, data=rows), "day", ["students", "new"])


@view(title="Students of a notebook")
def material_usage(query, chart):
    result = query.material_usage()
    pairs = result.data["nbstudents_per_notebook"]
    busiest = sorted(pairs, key=lambda pair: -pair[1])[:15]
    rows = [{"notebook": notebook, "students": students} for notebook, students in busiest]
    return chart.bars(
        replace(result, data=rows), "notebook", "students", title="Students per notebook"
    )


@view(title="Load of a notebook server")
def monitor_counts(query, chart):
    result = query.monitor_counts()
    lists = {"time": "timestamps", "containers": "running_containers", "kernels": "running_kernels"}
    columns = (result.data[name] for name in lists.values())
    rows = [dict(zip(lists, values, strict=True)) for values in zip(*columns, strict=True)]
    return chart.line(replace(result, data=rows), "time", ["containers", "kernels"])
