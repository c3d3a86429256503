"""The behaviour of a client, inferred from many cells: a value, its confidence, its evidence."""
