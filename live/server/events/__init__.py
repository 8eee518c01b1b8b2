"""Events in: taken over HTTP, made durable, handed to event handlers and into the spool."""
