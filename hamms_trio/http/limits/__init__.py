"""How much of everything the clients of one server may take."""
