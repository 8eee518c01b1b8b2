"""Forgetting a name in every table and in the state."""
