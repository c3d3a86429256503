"""TLS as octets: records, and the ClientHello, which comes in plain text."""
