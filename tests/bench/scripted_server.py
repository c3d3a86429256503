"""``python scripted_server.py OCTETS ANSWERS``: send the same octets after each read.

OCTETS are written as in a Python literal, and may be none. The server closes a connection after ANSWERS answers, or
never if they are -1. The program prints its port.
"""

from __future__ import annotations

import socket
import sys
import threading


def converse(sock: socket.socket, octets: bytes, answers: int) -> None:
    with sock:
        try:
            while answers and sock.recv(65536):
                sock.sendall(octets)
                answers -= 1
        except ConnectionError:  # the load is over
            return


def main() -> None:
    octets, answers = sys.argv[1].encode().decode("unicode_escape").encode(), int(sys.argv[2])
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    while True:
        sock, _ = listening.accept()
        threading.Thread(target=converse, args=(sock, octets, answers), daemon=True).start()


if __name__ == "__main__":
    main()
