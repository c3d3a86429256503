"""Listeners, the hub that carries them, and the account of what each client did."""
