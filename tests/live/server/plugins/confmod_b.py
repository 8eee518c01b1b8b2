"""Module B of the scenarios in tests/golden/insights."""

from hubbub import query


@query
def b_db_put(db, text):
    db["shared_name"].append(text)
    return "ok"


@query
def b_db_get(db):
    return sorted(db["shared_name"].values())


@query
def b_file_get(fs, filename):
    if not fs.exists(filename):
        return "absent"
    with fs.open(filename) as file:
        return file.read()


@query
def b_cache_get(cache, key):
    return cache.get(key)


@query
def b_documents(items: list, table: dict):  # type: ignore[type-arg]
    return [items, table]
