"""Failure modes played without a network: a client's script, a connection in memory, and virtual time."""
