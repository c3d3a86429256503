"""Grading: from a client's answers and the ledger's records to one finding with its evidence."""
