"""HTTP/1.1 messages as octets (RFC 9112)."""
