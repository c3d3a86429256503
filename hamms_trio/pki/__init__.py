"""Certificates of the lab: recipes of valid and faulty chains, and an authority that signs them on demand."""
