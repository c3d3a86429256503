"""Running clients under test: a command for each request, one program for many, or Python code."""
