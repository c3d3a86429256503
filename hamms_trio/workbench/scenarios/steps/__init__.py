"""One step of a run: its request, the answer that it observes, and the checks of that answer."""
