"""The machine behind small Protocols: files, processes, clock, network, services, facts.

Invariant: `subprocess`, `socket` and `time` are imported here and nowhere else in the program, so everything
above runs on fakes.
"""
