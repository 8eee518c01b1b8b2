"""Module A of the scenarios in tests/golden/insights."""

from hubbub import (
    event_handler,
    event_property,
    memoize_query,
    query,
    use_clearcache,
    use_forcememoize,
    use_fromcache,
    view,
)

RUNS: dict[str, int] = {}


def ran(name):
    RUNS[name] = RUNS.get(name, 0) + 1


@view
def hello():
    """Says hello"""
    return "<html>Hello</html>"


@view
def hello_user(user):
    return f"<html>Hello {user}</html>"


def constant(name, value):
    @query(name=name)
    def answer():
        return value

    return answer


constant("q_int", 3)
constant("q_zero", 0)
constant("q_str", "plain text")
constant("q_unicode", "café")
constant("q_none", None)
constant("q_bool", True)
constant("q_float", 0.5)
constant("q_list", [1, "two", None])
constant("q_dict", {"a": {"b": [1, 2]}})
constant("q_tuple", (1, 2))
constant("q_set", {1})
constant("q_with_digit_2", "digit")
constant("_private", "private")
base_value = constant("base_value", 20)
constant("q_plus2", 2)


@query
def q_echo(text):
    return text


@query
def q_two(first, second):
    return [first, second]


@query
def q_default(first, second="dflt"):
    return [first, second]


@query
def q_raises():
    raise ValueError("on purpose")


@query
def q_injected(fs, text):
    return [hasattr(fs, "get_url"), text]


@query
def q_params(first, params):
    return [first, sorted(params.items())]


@query(name=["alias_one", "alias_two", "ns.alias_three"])
def q_alias():
    return "aliased"


@query(name="renamed", description="my description", category="my-category")
def q_original_name():
    return 1


@query
def overridden():
    return "first"


@query(name="overridden")
def overridden_again():
    return "second"


@view
def view_uses_query(query):
    return f"<b>{query.base_value() + 1}</b>"


@view
def view_uses_view(view):
    return f"[{view.hello_user(user='bob')}]"


@query
def query_uses_query_with_args(query, text):
    return query.q_echo(text=text) + "!"


@query(name="same_name")
def same_query():
    return "i am the query"


@view(name="same_name")
def same_view():
    return "i am the view"


@event_handler
def count_events(db, events):
    for event in events:
        db["seen"].append({"user": event.get("user"), "batch": len(events)})


@event_handler
def failing_handler(events):
    for event in events:
        if "fail" in event:
            raise RuntimeError("on purpose")


@event_handler
def after_failing(db, events):
    db["after"]["n"] = db["after"].get("n", 0) + len(events)


@query
def count_seen(db):
    return len(db["seen"])


@query
def count_after(db):
    return db["after"].get("n", 0)


@query
def count_seen_by(db, user):
    return sum(1 for seen in db["seen"].values() if seen["user"] == user)


@query
def batches(db):
    return sorted(seen["batch"] for seen in db["seen"].values())


@query
def clear(db):
    db["seen"].clear()
    db["after"].clear()
    return "ok"


@event_property(description="who did it")
def actor(event):
    return event.get("user", event.get("username"))


@event_handler
def use_property(cache, events):
    for event in events:
        if "probe" in event:
            cache.set("actor", event.actor, 60)
            cache.set("keys", sorted(event.keys()), 60)
        if "probe_missing" in event:
            cache.set("before", "yes", 60)
            event.no_such_property  # noqa: B018
            cache.set("afterwards", "yes", 60)
        if "probe_get" in event:
            cache.set("get", event.get("user"), 60)
        if "probe_set" in event:
            event.user = "somebody"
            cache.set("set", "done", 60)


@query
def cache_get(cache, key):
    return cache.get(key)


@query
def cache_put(cache, key, value):
    cache.set(key, value, 60)
    return "stored"


@query
def file_put(fs, filename, text):
    with fs.open(filename, "w") as file:
        file.write(text)
    return "written"


@query
def file_get(fs, filename):
    if not fs.exists(filename):
        return "absent"
    with fs.open(filename) as file:
        return file.read()


@query
def file_url(fs, filename):
    return fs.get_url(filename)


@query
def file_expire(fs, filename, seconds):
    fs.expire(filename, int(seconds))
    return "ok"


@query
def db_put(db, text):
    db["shared_name"].append(text)
    return "ok"


@query
def db_get(db):
    return sorted(db["shared_name"].values())


@query
@memoize_query(60)
def m_square(n):
    ran("m_square")
    return int(n) ** 2


@memoize_query(60)
@query
def m_empty():
    ran("m_empty")
    return []


@query
@memoize_query(1)
def m_short():
    ran("m_short")
    return "v"


@query
@memoize_query(60)
def m_fail():
    ran("m_fail")
    raise ValueError("on purpose")


@memoize_query(60)
@query
def m_injected(db, n):
    ran("m_injected")
    return int(n) + 1


@query
def m_calls(which):
    return RUNS.get(which, 0)


@query
def m_fromcache():
    try:
        return use_fromcache(m_square)("12")
    except KeyError:
        return "not in cache"


@query
def m_force():
    return use_forcememoize(m_square)("5")


@query
def m_clear():
    use_clearcache(m_square)("5")
    return "cleared"
