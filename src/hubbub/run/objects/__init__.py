"""Injected objects of a running call, and the results that it keeps."""
