"""`/openapi.json`: the interface of a server, described for machines from what it really has."""
