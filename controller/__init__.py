"""The weft controller: desired state in, OpenFlow to Open vSwitch bridges out.

Import order, one way: model -> pipeline | openflow | packet -> state -> app -> topology -> query -> runtime -> cli.
"""

from importlib.metadata import version

__version__ = version("weft")
