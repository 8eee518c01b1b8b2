"""AMQP buses: settings, certificates, the connection, and the receiver that consumes a queue."""
