"""A server's process: its signals, logs, ready file and printed lines."""
