"""The built-in views: run queries, state the finding in the title, draw with `charts.graphs`."""
