"""The mirror: a copy of the tables on an object store, which several collectors write."""
