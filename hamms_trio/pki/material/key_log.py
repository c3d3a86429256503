"""The secrets of handshakes, which OpenSSL writes to a file, for modes that seal records themselves."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Mapping

REMEMBERED_HANDSHAKES = 1_000  # handshakes whose secrets nobody has asked for


class KeyLog:
    """A file of the key log's format in a folder of our user's alone (NSS's SSLKEYLOGFILE).

    Attributes:
        path: of the file.
    """

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="hamms-trio-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = os.path.join(folder, "keys")
        os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._secrets: OrderedDict[bytes, dict[str, bytes]] = OrderedDict()

    def take(self, client_random: bytes) -> Mapping[str, bytes]:
        """Return the secrets of a handshake by their labels, and forget them."""
        with open(self.path, encoding="ascii") as file:
            lines = file.read().splitlines()
        os.truncate(self.path, 0)  # OpenSSL appends
        for line in lines:
            label, *rest = line.split(" ")
            if len(rest) == 2 and label != "#":
                random, secret = map(bytes.fromhex, rest)
                self._secrets.setdefault(random, {})[label] = secret
        while len(self._secrets) > REMEMBERED_HANDSHAKES:
            self._secrets.popitem(last=False)
        return self._secrets.pop(client_random, {})
