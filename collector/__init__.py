"""From raw frames to events: sources, decoding, people. Imports no other folder."""
