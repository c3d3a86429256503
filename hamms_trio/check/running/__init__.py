"""The run of a check: doors, cells, probes, repetitions, and the report that comes of them."""
