"""Rollups: how many messages and bytes each user and topic had in each day or hour.

Comes in: the events table. Goes out: three Delta tables beside it, each complete up to a version of
the events table that its last commit carries as its number. Rows and number are one commit, so that
whatever is killed, each commit of events is counted once.

    hourly_users, daily_users   time, user, named, named_bytes, acted, acted_bytes
    daily_topics                time, topic, category, events, bytes

A period may have several rows (one for each time it was added to), which readers sum and compaction
makes one. What came after the number is read from the events' own files: see `rolled`. Where rows
of events went or changed without a word to `mark`, everything is counted again.

Rollups outlive events: times before `frozen` (retention's cut, at a day's end) are never counted
again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.store.changes import commits
from hubbub.store.delta import DataFile, File, Table
from hubbub.store.rewrite import retire, rewrite
from hubbub.store.trouble import unwritten
from hubbub.times import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deltalake.transaction import AddAction

    from hubbub.store.store import Store

__all__ = [
    "DAY",
    "FROZEN",
    "HOUR",
    "LAG",
    "Rollup",
    "all_of",
    "catch_up",
    "differences",
    "frozen",
    "keep_up",
    "mark",
    "rebuild",
]

HOUR, DAY = 3_600_000_000, 86_400_000_000  # µs
LAG = 12  # commits of events that readers add up themselves
CHUNK = 1_000_000  # rows that are counted at once, about
FROZEN = "rollups:frozen"  # key of the state: µs
_TIME = pa.field("time", pa.timestamp("us", "UTC"), nullable=False)
_TEXT = {
    name: pa.field(name, pa.string(), nullable=False) for name in ("user", "topic", "category")
}
_USERS = ("named", "named_bytes", "acted", "acted_bytes")

_BY_USER = """
    WITH rows AS (
        SELECT epoch_us(time) // $unit * $unit AS time, agent, users, size
        FROM read_parquet($files, hive_partitioning = false) WHERE epoch_us(time) >= $since)
    SELECT time, user, sum(named)::BIGINT AS named, sum(named_bytes)::BIGINT AS named_bytes,
        sum(acted)::BIGINT AS acted, sum(acted_bytes)::BIGINT AS acted_bytes
    FROM (
        SELECT time, unnest(users) AS user, 1 AS named, size AS named_bytes, 0 AS acted,
            0 AS acted_bytes FROM rows
        UNION ALL SELECT time, agent, 0, 0, 1, size FROM rows WHERE agent IS NOT NULL)
    GROUP BY time, user ORDER BY time, user"""
_BY_TOPIC = """
    SELECT epoch_us(time) // $unit * $unit AS time, topic, category, count(*)::BIGINT AS events,
        sum(size)::BIGINT AS bytes
    FROM read_parquet($files, hive_partitioning = false) WHERE epoch_us(time) >= $since
    GROUP BY ALL ORDER BY ALL"""


class Rollup(Table):
    """One of the three. `unit` is the length of its periods, µs."""

    unit: ClassVar[int]
    query: ClassVar[str]
    keys: ClassVar[Sequence[str]]
    sums: ClassVar[Sequence[str]]
    combines: ClassVar[bool] = True

    def combined(self, rows: Any) -> Any:
        """One row for each period and name."""
        if not rows.num_rows:
            return rows
        sums = rows.group_by(list(self.keys)).aggregate([(name, "sum") for name in self.sums])
        sums = sums.rename_columns([*self.keys, *self.sums]).select(self.schema.names)
        return sums.cast(self.schema).sort_by([(name, "ascending") for name in self.keys])

    def state(self) -> tuple[int, list[File]]:
        """Up to which version of events it is complete (0: nothing), and its files."""
        while True:  # of one snapshot
            before = self.version()
            number, (version, files) = self.batch(), self.snapshot()
            if version == before:
                return number, files

    def count(self, files: Sequence[str], since: int) -> Any:
        """The rows that these files of events make, from a time (µs) on.

        Raises:
            StoreError: a file cannot be read.
        """
        if not files:
            return self.schema.empty_table()
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
            db.execute("SET enable_progress_bar = false").fetchall()
            try:
                found = db.sql(
                    self.query,
                    params={"unit": self.unit, "files": list(files), "since": since},
                ).to_arrow_table()
            except duckdb.Error as e:
                raise StoreError(
                    f"events cannot be counted for {self.name}: {e}", where=str(self.folder)
                ) from e
        return found.select(self.schema.names).cast(self.schema)

    def parts(self, rows: Any) -> Iterator[tuple[str, Any]]:
        """Sorted rows by month."""
        months = pc.strftime(rows["time"], "%Y-%m")
        for month in pc.unique(months).to_pylist():
            yield month, rows.filter(pc.equal(months, month))


def _schema(names: Sequence[str], sums: Sequence[str]) -> Any:
    numbers = [pa.field(name, pa.int64(), nullable=False) for name in sums]
    return pa.schema([_TIME, *(_TEXT[name] for name in names), *numbers])


def _options(names: Sequence[str], sums: Sequence[str]) -> Mapping[str, Any]:
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": list(names),
        "column_encoding": dict.fromkeys(["time", *sums], "DELTA_BINARY_PACKED"),
    }


class HourlyUsers(Rollup):
    """Hour by user."""

    name: ClassVar[str] = "hourly_users"
    unit: ClassVar[int] = HOUR
    query: ClassVar[str] = _BY_USER
    keys: ClassVar[Sequence[str]] = ("time", "user")
    order: ClassVar[Sequence[str]] = keys
    sums: ClassVar[Sequence[str]] = _USERS
    schema: ClassVar[Any] = _schema(["user"], _USERS)
    options: ClassVar[Mapping[str, Any]] = _options(["user"], _USERS)


class DailyUsers(HourlyUsers):
    """Day by user."""

    name: ClassVar[str] = "daily_users"
    unit: ClassVar[int] = DAY


class DailyTopics(Rollup):
    """Day by topic, with its category."""

    name: ClassVar[str] = "daily_topics"
    unit: ClassVar[int] = DAY
    query: ClassVar[str] = _BY_TOPIC
    keys: ClassVar[Sequence[str]] = ("time", "topic", "category")
    order: ClassVar[Sequence[str]] = keys
    sums: ClassVar[Sequence[str]] = ("events", "bytes")
    schema: ClassVar[Any] = _schema(["topic", "category"], ["events", "bytes"])
    options: ClassVar[Mapping[str, Any]] = _options(["topic", "category"], ["events", "bytes"])


def all_of(folder: Path) -> tuple[Rollup, ...]:
    """The rollups of a store, whether they are there or not."""
    return tuple(kind(folder / kind.name) for kind in (HourlyUsers, DailyUsers, DailyTopics))


def frozen(store: Store) -> int:
    """The time (µs) before which rollups are never counted again."""
    return int(store.state.get(FROZEN) or 0)


def keep_up(store: Store) -> None:
    """`catch_up` where much came since the last time. For the holder of the loader's lock."""
    if store.table.version() - min(one.batch() for one in store.rollups) >= LAG:
        catch_up(store)


def catch_up(store: Store) -> None:
    """Count what came. For the holder of the loader's lock.

    Raises:
        StoreError: no room, or damage; what was counted until then stays.
    """
    version = store.table.version()
    if version <= 0:
        return
    while True:
        numbers = sorted({one.batch() for one in store.rollups})
        if numbers == [version]:
            return
        if numbers[-1] > version:  # the events were restored from a backup
            rebuild(store)
            return
        # those that are behind, up to the next one: a run that died may have left them apart
        behind = [one for one in store.rollups if one.batch() == numbers[0]]
        target = min([*numbers[1:], version])
        found = commits(store.table, numbers[0] + 1, target)
        if found is None or any(one.removed for one in found):
            rebuild(store)
            return
        since = frozen(store)
        files: list[str] = []
        rows = 0
        for commit in found:
            files += commit.added
            rows += commit.rows
            if rows >= CHUNK or commit.version == target:
                for one in behind:
                    parts = list(one.parts(one.count(files, since)))
                    one.append_rows(parts, commit.version)
                files, rows = [], 0


def rebuild(store: Store) -> None:
    """Count everything again, from `frozen` on. For the holder of the loader's lock.

    Readers see the old rows until the new ones are there.

    Raises:
        StoreError: no room, or damage; nothing was changed then in the rollup in hand.
    """
    version, files = store.table.snapshot()
    if version < 0:
        return
    since = frozen(store)
    for one in store.rollups:
        _rebuild(one, version, [f for f in files if f.last >= since], since)


def _rebuild(table: Rollup, version: int, files: Sequence[File], since: int) -> None:
    table.ensure()
    if since:  # what is older than the cut stays, alone in its files
        rewrite(table, [f for f in table.files() if f.first < since <= f.last], _before(since))
    old = [file for file in table.files() if file.last >= since]
    added: list[AddAction] = []
    try:
        for some in _chunks(files):
            for month, rows in table.parts(table.count([f.uri for f in some], since)):
                added.append(_write(table, month, rows))
    except (OSError, pa.ArrowException) as e:
        table.drop(added)
        raise unwritten(f"cannot write {table.name}", e, table.folder) from e
    except StoreError:
        table.drop(added)
        raise
    table.replace(old, added, version)
    retire(old)


def _before(limit: int) -> Any:
    """Rows before a time; the others are counted again."""
    return lambda rows: rows.filter(pc.less(rows["time"], _moment(limit)))


def _moment(micros: int) -> Any:
    return pa.scalar(from_micros(micros), pa.timestamp("us", "UTC"))


def _write(table: Rollup, month: str, rows: Any) -> AddAction:
    file = DataFile(table, month, f"{0:020d}-{secrets.token_hex(8)}")
    try:
        file.write(rows)
        return file.close()
    except BaseException:
        file.discard()
        raise


def _chunks(files: Sequence[File]) -> Iterator[list[File]]:
    held: list[File] = []
    for file in files:
        held.append(file)
        if sum(f.rows for f in held) >= CHUNK:
            yield held
            held = []
    if held:
        yield held


def differences(store: Store, table: Rollup) -> list[str]:
    """The months in which a rollup and the events differ, from `frozen` on.

    For the holder of the loader's lock, who caught up.

    Raises:
        StoreError: events cannot be read.
    """
    since = frozen(store)
    months: dict[str, tuple[list[str], list[str]]] = {}
    for which, files in enumerate((store.table.files(), table.files())):
        for file in files:
            if file.last >= since:
                months.setdefault(Path(file.uri).parent.name, ([], []))[which].append(file.uri)
    out = []
    for month, (events, sums) in sorted(months.items()):
        parts = [
            pq.read_table(path, columns=table.schema.names, partitioning=None) for path in sums
        ]
        rows = pa.concat_tables(
            [table.schema.empty_table(), *(p.cast(table.schema) for p in parts)]
        )
        rows = table.combined(rows.filter(pc.greater_equal(rows["time"], _moment(since))))
        if not rows.equals(table.combined(table.count(events, since))):
            out.append(month.removeprefix("month="))
    return out


def mark(store: Store) -> None:
    """The newest version of events counts as the rollups do: rows went, or names changed in both.

    For whoever called `catch_up` before it, and holds the loader's lock since.
    """
    version = store.table.version()
    for one in store.rollups:
        if one.exists() and one.batch() < version:
            one.replace([], [], version)
