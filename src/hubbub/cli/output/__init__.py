"""Result formats, tables, logs and progress bars."""
