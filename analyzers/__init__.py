"""From the events table to result tables: pure functions, lazy expressions, no I/O."""
