"""Repeatable measurements of the server against named peers; see README.md beside this file."""
