"""Where things are: the stages every bridge has, and the links between bridges.

Both are ordinary apps, written with `controller.app`, that are always enabled. They write rows and flows and
know no socket and no clock.
"""
