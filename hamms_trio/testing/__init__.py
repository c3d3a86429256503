"""Tools for tests of failure modes, ours and those of other packages."""
