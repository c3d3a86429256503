"""The plan of a check: the modes that a client meets, with their arguments, and the calls that it is asked for."""
