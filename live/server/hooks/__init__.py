"""Webhooks over HTTP: taking deliveries in, and healing those that were missed."""
