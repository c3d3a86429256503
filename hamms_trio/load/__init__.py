"""A load generator: many clients repeat one request to an HTTP/1.1 server."""
