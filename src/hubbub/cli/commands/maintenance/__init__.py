"""Commands that check, change or clean up the store."""
