"""The peers: other servers that perform the same small tasks. Each prints the port that it listens on."""
