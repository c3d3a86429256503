"""Sockets: a server from its listeners to its last connection."""
