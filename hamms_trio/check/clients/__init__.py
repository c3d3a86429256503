"""Clients under test that run: as a command for each request, as one program for many, or as Python code."""
