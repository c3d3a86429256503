"""What a server is put under, one load to a file; `bench.load` runs them."""
