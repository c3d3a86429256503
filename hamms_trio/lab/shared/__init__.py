"""Shared doors: many failure modes on one port, chosen by the client or armed by a test."""
