"""Built-in queries and jobs: pure functions from the events table to results, without I/O.

`hubbub.registry.builtins` lists them.
"""
