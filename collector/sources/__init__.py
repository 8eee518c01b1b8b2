"""The sources of messages: one module for each, with one protocol and one set of promises."""
