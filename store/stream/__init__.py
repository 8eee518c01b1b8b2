"""The stream: newly stored events, in the order of storing, until all handlers had them."""
