"""The lab: it hosts failure modes and carries their connections."""
