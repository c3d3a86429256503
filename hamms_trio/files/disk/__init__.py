"""The directory that is served, on disk: files opened and written beneath it, and nowhere else."""
