"""History services, and what asks them."""
