"""Delta tables: log, data files, reading, rewriting."""
