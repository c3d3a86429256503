"""Limits for the clients of one server: sizes, times, numbers."""
