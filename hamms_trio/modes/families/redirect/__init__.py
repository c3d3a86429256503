"""Redirects that never end, lead astray, or show which secrets a client carries along (RFC 9110 §15.4).

Why this is hard: a client that follows a redirect makes a new request on its own, and has to decide again how much
of the old one it may send, and to whom. The ledger has every hop, the other origin's included.
"""

from hamms_trio.modes.families.redirect import hops, locations, origins

MODULES = (hops, origins, locations)
