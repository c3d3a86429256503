"""The behaviour of a client, inferred from what it did in many cells: a value, its confidence, its evidence."""
