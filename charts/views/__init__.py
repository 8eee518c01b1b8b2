"""The built-in views: from query results to calls of `Chart`."""
