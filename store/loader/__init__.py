"""Load spool segments into tables: batches, crash recovery, damaged segments."""
