from ibis import _
from hubbub import query, view

@query
def karma(events, since, until, category: str = "bodhi"):
    """Comments per user."""
    return events.filter(events.category == category).unnest_users().group_by("user").agg(comments=_.count())

@view(title="Karma")
def karma_chart(query, chart, since, until):
    return chart.bars(query.karma(since=since, until=until), x="user", y="comments")
