"""Forget an account: replace its name in all tables, in the state and in the spool."""
