"""Faults that a test arms for the next connections or requests."""
