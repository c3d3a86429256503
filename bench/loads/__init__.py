"""The loads that servers are measured under, one to a file; `bench.load` runs them."""
