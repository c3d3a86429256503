"""The account of answers, metrics and the access log."""
