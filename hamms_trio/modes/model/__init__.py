"""The model of a failure mode: parameters, the duty of a client, modifiers, state."""
