"""The workbench's table of operations, from a request to a response."""
