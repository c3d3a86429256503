"""Records of each exchange: events, trends, and the redaction of secrets."""
