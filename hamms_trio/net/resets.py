"""Resets by the servers, all through netsplode."""

from netsplode.abortive import reset_and_close as reset_and_close
