"""Items, events and deliveries of forges."""
