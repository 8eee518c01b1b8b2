"""The state file (SQLite): checkpoints, coverage ledger, dead letters, documents, pseudonyms."""
