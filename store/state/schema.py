"""The schema of the state file, as migration steps.

`STEPS[n]` migrates version n to n + 1; a released step never changes. The steps that a file lacks
run in one transaction.
"""

from __future__ import annotations

__all__ = ["APPLICATION", "STEPS"]

#: `PRAGMA application_id`: "hubb".
APPLICATION = 0x68756262

_CHANGES = (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD"))
#: The module in the key of a value that a plugin's `state` holds: `plugin:MODULE:KEY`.
_MODULE = "substr({0}.key, 8, instr(substr({0}.key, 8), ':') - 1)"
# an upsert would take the conflict clause of the statement that fires the trigger
_COUNT = """CREATE TRIGGER {0}_{1} AFTER {1} ON {0} {3} BEGIN
    INSERT INTO revisions SELECT {2}, 0 WHERE {2} NOT IN (SELECT module FROM revisions);
    UPDATE revisions SET n = n + 1 WHERE module = {2}; END"""

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE checkpoints (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # "end" is quoted: it is a keyword. Times are in µs since the epoch.
        """CREATE TABLE spans (
            source TEXT NOT NULL, filters TEXT NOT NULL, start INTEGER NOT NULL,
            "end" INTEGER NOT NULL, state TEXT NOT NULL, proof TEXT NOT NULL,
            asked INTEGER NOT NULL,
            PRIMARY KEY (source, filters, start)) WITHOUT ROWID""",
        """CREATE TABLE counters (
            source TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL,
            PRIMARY KEY (source, name)) WITHOUT ROWID""",
        # `place` (segment and byte) makes burying the same record twice harmless.
        """CREATE TABLE dead_letters (
            id INTEGER PRIMARY KEY, place TEXT NOT NULL UNIQUE, reason TEXT NOT NULL,
            what TEXT NOT NULL, source TEXT NOT NULL, time INTEGER NOT NULL, topic BLOB NOT NULL,
            body BLOB NOT NULL, seq INTEGER NOT NULL, size INTEGER NOT NULL)""",
        "CREATE INDEX dead_letters_time ON dead_letters (time)",
        # How far each segment of the spool is loaded, and the batch that is being committed.
        "CREATE TABLE segments (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE pending (batch INTEGER PRIMARY KEY, document TEXT NOT NULL)",
    ),
    (
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        # Forgotten names, as digests only. `done` is 0 until no stored data contains the name.
        """CREATE TABLE forgotten (
            digest BLOB PRIMARY KEY, pseudonym TEXT NOT NULL, units INTEGER NOT NULL,
            time INTEGER NOT NULL, why TEXT NOT NULL, done INTEGER NOT NULL) WITHOUT ROWID""",
    ),
    (
        # Small columns before large ones, since SQLite reads a row from its front; sums are read
        # from an index. `missing`: bytes of the body that are not stored; `flags`: the segment's;
        # `again`: to be read again by the next loader; `buried`: when it was stored, µs.
        "ALTER TABLE dead_letters RENAME TO letters_before",
        """CREATE TABLE dead_letters (
            id INTEGER PRIMARY KEY, place TEXT NOT NULL UNIQUE, reason TEXT NOT NULL,
            what TEXT NOT NULL, source TEXT NOT NULL, time INTEGER NOT NULL, seq INTEGER NOT NULL,
            size INTEGER NOT NULL, missing INTEGER NOT NULL, flags INTEGER NOT NULL,
            again INTEGER NOT NULL, buried INTEGER NOT NULL, topic BLOB NOT NULL,
            body BLOB NOT NULL)""",
        """INSERT INTO dead_letters SELECT id, place, reason, what, source, time, seq, size,
            0, 0, 0, time, topic, body FROM letters_before""",
        "DROP TABLE letters_before",
        "CREATE INDEX dead_letters_buried ON dead_letters (buried)",
        "CREATE INDEX dead_letters_size ON dead_letters (size)",
        "CREATE INDEX dead_letters_reason ON dead_letters (reason)",
        "CREATE INDEX dead_letters_again ON dead_letters (id) WHERE again",
        # Trust settings that segment headers and dead letters refer to: paths, as JSON.
        "CREATE TABLE trusts (number INTEGER PRIMARY KEY, files TEXT NOT NULL UNIQUE)",
    ),
    # How many messages of the bus and its history are stored, by minute since the epoch of their
    # own times. Messages stored before this step are not counted, and are requested once more.
    ("CREATE TABLE minutes (minute INTEGER PRIMARY KEY, n INTEGER NOT NULL)",),
    (
        # Which accounts belong to one person. `undoes`: the merge that an entry reverts.
        """CREATE TABLE identity (
            number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, who TEXT NOT NULL,
            why TEXT NOT NULL, account TEXT NOT NULL, person TEXT NOT NULL,
            undoes INTEGER UNIQUE REFERENCES identity)""",
    ),
    (
        # What plugins and jobs store: a JSON document under a key, in collections by module.
        """CREATE TABLE documents (
            module TEXT NOT NULL, collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (module, collection, key)) WITHOUT ROWID""",
    ),
    (
        # Who may use the server. Of tokens and sessions only digests are stored, in hexadecimal.
        # Times are in µs since the epoch; `person` has a page of its own.
        """CREATE TABLE tokens (
            number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
            digest TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL, person TEXT,
            created INTEGER NOT NULL, expires INTEGER)""",
        """CREATE TABLE sessions (
            digest TEXT PRIMARY KEY, token INTEGER NOT NULL REFERENCES tokens,
            created INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID""",
    ),
    (
        # How often the documents and the `state` of a module were changed: event handlers are
        # called again where another process changed what they had read (`store.state.overlay`).
        "CREATE TABLE revisions (module TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
        *(_COUNT.format("documents", name, f"{row}.module", "") for name, row in _CHANGES),
        *(
            _COUNT.format(
                "checkpoints", name, _MODULE.format(row), f"WHEN {row}.key LIKE 'plugin:%:%'"
            )
            for name, row in _CHANGES
        ),
    ),
    (
        # Alerts: what changed, what is on or about to be, what is to be sent, and who silenced
        # what. Times are in µs since the epoch; `details` is a JSON object. `per`: what `subject`
        # is: topic, category, user, or none.
        """CREATE TABLE alert_changes (
            number INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, subject TEXT NOT NULL,
            state TEXT NOT NULL, time INTEGER NOT NULL, detected INTEGER NOT NULL, measured REAL,
            expected REAL, measure TEXT NOT NULL, per TEXT NOT NULL, details TEXT NOT NULL)""",
        "CREATE INDEX alert_changes_time ON alert_changes (time)",
        # `change`: the one that raised it; null while its condition has not held long enough.
        """CREATE TABLE alert_states (
            rule TEXT NOT NULL, subject TEXT NOT NULL, since INTEGER NOT NULL,
            change INTEGER REFERENCES alert_changes,
            PRIMARY KEY (rule, subject)) WITHOUT ROWID""",
        """CREATE TABLE alert_notifications (
            change INTEGER NOT NULL REFERENCES alert_changes, channel TEXT NOT NULL,
            status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
            next_attempt INTEGER, last_error TEXT, sent_at INTEGER,
            PRIMARY KEY (change, channel)) WITHOUT ROWID""",
        "CREATE INDEX alert_notifications_status ON alert_notifications (status, next_attempt)",
        # `rule` and `subject` empty: every one. `announced`: it was said that it has ended while an
        # alert that it held back is still on.
        """CREATE TABLE alert_silences (
            number INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, subject TEXT NOT NULL,
            author TEXT NOT NULL, reason TEXT NOT NULL, starts INTEGER NOT NULL,
            ends INTEGER NOT NULL, suppressed INTEGER NOT NULL DEFAULT 0,
            announced INTEGER NOT NULL DEFAULT 0)""",
    ),
    # Which silence held a notification back.
    ("ALTER TABLE alert_notifications ADD COLUMN silence INTEGER REFERENCES alert_silences",),
    # Segments of other machines that were taken over, and when (µs): none is copied twice.
    ("CREATE TABLE adopted (name TEXT PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID",),
)
