from hubbub import cron, query

@cron("1h")
def tally(db, query, clock, repeat: int = 1):
    """Store each hour how many people were active."""
    db["tally"][clock().isoformat()] = {"people": len(query.tail(since="1h").data) * repeat}

@query
def tallied(db):
    return [{"time": time, **row} for time, row in db["tally"].items()]
