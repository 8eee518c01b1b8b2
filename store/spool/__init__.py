"""Segments: the write-ahead files that receive frames."""
