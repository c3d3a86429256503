"""The limits of a load. The command line needs nothing else to show its help, so they stand apart."""

from __future__ import annotations

MAX_DURATION = 24 * 3600.0
MAX_REQUESTS = 1_000_000_000
MAX_RATE = 1_000_000.0
MAX_CONCURRENCY = 20_000
MAX_PIPELINE_DEPTH = 1_000
MAX_BODY_OCTETS = 64 * 1024 * 1024
MAX_OUT_OCTETS = 64 * 1024 * 1024  # of the unanswered requests of one client
