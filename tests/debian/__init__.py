"""The hosts that amibridge is installed on: bare Debians, each in a folder of its own, with Debian's own Python.

`test_pythons` runs the unit and replay tests there; `test_walk` does what the README says, line by line.
"""
