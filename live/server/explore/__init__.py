"""`/explore`: every query and view with a form, its result, and the address to share."""
