"""Routes that are ready to be declared: a greeting, files, a redirect."""
