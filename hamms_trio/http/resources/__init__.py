"""Ready-made routes: a greeting, files, a redirect."""
