"""The report: all built-in views as files, optionally compared with the preceding period."""
