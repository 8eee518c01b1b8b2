"""Options shared by several commands, and what they set up."""
