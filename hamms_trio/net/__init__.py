"""Sockets, ports, the hub and TLS: no HTTP and no failure mode."""
