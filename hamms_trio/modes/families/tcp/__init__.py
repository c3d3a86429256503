"""Connections that fail beneath HTTP: the octets are right, and the transport fails."""

from hamms_trio.modes.families.tcp import answers, ports, requests

MODULES = (ports, requests, answers)
