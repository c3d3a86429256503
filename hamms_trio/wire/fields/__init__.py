"""The values of single fields and their meaning (RFC 9110)."""
