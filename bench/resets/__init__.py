"""Connections that netsplode and its peers reset, each process of it in a network namespace made for it."""
