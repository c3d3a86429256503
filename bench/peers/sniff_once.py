"""Reset a connection as the first netsplode did: sniff one segment by scapy, and answer it with RSTs.

The second that the import of scapy takes is not measured, though every user waits for it once.
"""

from __future__ import annotations

from scapy.config import conf
from scapy.layers.inet import IP, TCP
from scapy.packet import Packet
from scapy.sendrecv import send, sniff

REPEATED = 50  # times, with the same sequence number

Address = tuple[str, int]

conf.verb = 0


def sniff_and_reset(first: Address, second: Address, timeout: float) -> None:
    """Wait for a segment between the two on the loopback interface, and reset its sender."""
    ports = {first[1], second[1]}

    def is_theirs(packet: Packet) -> bool:
        return TCP in packet and {packet[TCP].sport, packet[TCP].dport} == ports

    sniffed = sniff(count=1, iface="lo", lfilter=is_theirs, timeout=timeout)
    for packet in sniffed:
        seen = packet[TCP]
        answer = IP(src=packet[IP].dst, dst=packet[IP].src) / TCP(
            sport=seen.dport, dport=seen.sport, flags="R", seq=seen.ack
        )
        send(answer, count=REPEATED)
