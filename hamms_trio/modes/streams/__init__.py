"""Streams of events that fail: a mode is a healthy stream, a point where it breaks, and one fault.

`shapes` has the healthy streams, `cut` the points, `faults` the ways in which a body ends. `stream` is one answer on
its way to a client, and `declare` lets a coroutine that receives a stream be a failure mode.
"""
