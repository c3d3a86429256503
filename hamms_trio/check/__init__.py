"""The check of an HTTP client: it meets the catalogue's failure modes, and each of its reactions is graded."""
