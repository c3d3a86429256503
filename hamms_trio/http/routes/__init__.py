"""Which route answers a request, and what routes take and return."""
