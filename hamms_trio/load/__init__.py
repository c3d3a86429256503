"""A load generator: many clients, one HTTP/1.1 server, and what came of it."""
