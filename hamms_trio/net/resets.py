"""Resets by the servers, all through netsplode."""

from netsplode.techniques import reset_and_close as reset_and_close
