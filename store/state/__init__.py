"""The SQLite file: checkpoints, ledger, dead letters, documents, pseudonyms."""
