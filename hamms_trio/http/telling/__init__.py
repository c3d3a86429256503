"""The account of what was answered: metrics and the access log."""
