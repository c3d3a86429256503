"""Streams of events that fail: a mode is a healthy stream, a point where it breaks, and one fault.

The healthy streams are in `shapes`, the points in `cut`, and the ways in which a body ends in `faults`. A `stream`
is one answer on its way to a client, and `declare` lets a coroutine that receives a stream be a failure mode.
"""
