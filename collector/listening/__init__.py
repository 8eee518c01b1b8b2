"""Listening: the loop that writes what live sources receive, and what they have in common."""
