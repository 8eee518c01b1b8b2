"""The spool: segment files that hold received frames until they are loaded."""
