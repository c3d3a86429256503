"""Connections that netsplode and its peers reset, in network namespaces of their own."""
