"""Doors over TLS: twins of the doors that speak HTTP, and modes that are chosen by SNI."""
