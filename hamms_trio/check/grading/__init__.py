"""Grading: from what a client did, and what the ledger has, to one finding with its evidence."""
