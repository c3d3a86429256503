"""Certificates of the lab: recipes of chains, true and faulty, and an authority that makes them when needed."""
