"""The record of what each client did."""
