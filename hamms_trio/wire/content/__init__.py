"""Encoders of content codings (RFC 9110 §8.4.1), and decompression bombs."""
