"""Commands that receive, fetch or read messages."""
