"""What the operating system can do to a connection; one file per concern. Only Linux has most of it."""
