"""The journal: events that were posted, until they are stored and handled."""
