"""Listening sockets, their ports, and the budget of descriptors."""
