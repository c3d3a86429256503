"""Content codings applied (RFC 9110 §8.4.1), and bodies that are small until they are decoded."""
