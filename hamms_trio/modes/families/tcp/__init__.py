"""Connections that fail beneath HTTP: the transport is at fault, hardly ever an octet of HTTP."""

from hamms_trio.modes.families.tcp import answers, ports, requests

MODULES = (ports, requests, answers)
