from hubbub import cron, query

@cron("1h")
def tally(db, query, clock, repeat: int = 1):
    """Notes each hour how many people there were."""
    db["tally"][clock().isoformat()] = {"people": len(query.tail(since="1h").data) * repeat}

@query
def tallied(db):
    return [{"time": time, **one} for time, one in db["tally"].items()]
