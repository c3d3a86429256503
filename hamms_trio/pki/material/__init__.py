"""Keys, groups and encodings, from which certificates and handshakes are made."""
