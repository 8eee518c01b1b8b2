"""What a server does besides answering: load what came in, and run jobs that are due."""
