"""`hubbub serve`: queries, views, plugins and pages over HTTP."""
