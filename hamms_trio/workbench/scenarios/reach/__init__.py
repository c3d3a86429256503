"""The servers that the requests of a run reach: the workbench in this process, targets, and failure modes."""
