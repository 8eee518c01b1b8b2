from datetime import UTC, date, datetime, time, timedelta

from hubbub import cron
from hubbub.analyzers.extraction import days, extract


@cron("30 4 * * *")
def builds(events, db, state, clock, progress, source, config_start: datetime):
    """Count the builds of each package, day by day."""

    def read(day):
        start = datetime.combine(day, time(), UTC)
        that_day = events.filter(events.time >= start, events.time < start + timedelta(days=1))
        objects = that_day.filter(that_day.category == "buildsys").unnest_objects()
        counts = objects.group_by("object").agg(n=objects.count()).order_by("object")
        return counts.to_pyarrow().to_pylist()

    checkpoint = state.get("checkpoint")
    dates = days(
        date.fromisoformat(checkpoint) if checkpoint else None,
        today=clock().date(),
        config_start=config_start.date(),
    )
    extract(read, db["builds"], state, dates, progress=progress, source=source)
