"""Webhooks of forges and forums: signatures, deliveries, and the deliveries that GitHub kept."""
