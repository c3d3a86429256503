"""Trends: their table, and the two places where they may be instead of the state file."""
