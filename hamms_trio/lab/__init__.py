"""The lab: what hosts failure modes, and carries their connections."""
