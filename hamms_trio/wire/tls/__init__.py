"""TLS as octets: records, and the ClientHello, which is not encrypted."""
