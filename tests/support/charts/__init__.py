"""Pictures for tests, and checks of them."""
