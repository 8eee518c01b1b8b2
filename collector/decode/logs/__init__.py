"""Decode lines of access logs: formats, spellings, sections."""
