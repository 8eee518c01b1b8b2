"""Reading: the engine, `Events`, filters, identities, export."""
