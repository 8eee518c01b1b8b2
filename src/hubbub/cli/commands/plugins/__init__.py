"""Commands for plugins and scheduled jobs."""
