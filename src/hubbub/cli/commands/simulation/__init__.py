"""Commands that simulate a bus."""
