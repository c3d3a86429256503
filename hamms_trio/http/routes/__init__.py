"""Routing: templates, requests, responses, error documents."""
