"""From bytes to events: wire formats, people, history, files. Imports no other folder."""
