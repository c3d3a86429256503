"""The peers: the same little task on other servers. Each prints its port once it accepts."""
