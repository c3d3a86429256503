"""Counts and latencies of a load while it runs."""
