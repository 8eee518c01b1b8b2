"""Commands of the server and of what is shown while messages are received."""
