"""Answers of queries and views: parameters, encodings, cache and validators."""
