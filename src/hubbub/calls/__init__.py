"""Calling queries and views by name: of this store, of other servers, combined or restricted.

`Callables` is what a caller holds (`objects.query.NAME(parameter=value)`); everything else here
makes one. Only `transport` opens connections. Nothing here reads a store.
"""
