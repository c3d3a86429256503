"""Connections that fail beneath HTTP: hardly an octet of HTTP is ever wrong, the transport is."""

from hamms_trio.modes.families.tcp import answers, ports, requests

MODULES = (ports, requests, answers)
