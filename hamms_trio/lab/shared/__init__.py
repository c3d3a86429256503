"""Shared doors: each meets many failure modes on one port, as the client says or as a test has armed them."""
