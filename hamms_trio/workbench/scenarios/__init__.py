"""Scenarios: journeys of several requests, with chaos that a seed decides, and a verdict."""
