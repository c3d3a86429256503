"""How a server runs alone in a process: its signals, its log, and what it prints."""
