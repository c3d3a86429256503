"""The peer of a failure mode, and the connection that carries the octets."""
