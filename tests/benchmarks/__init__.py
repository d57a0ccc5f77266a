"""Benchmarks: what weft costs, beside Open vSwitch's own programs in the same run. Run by script/bench, never by script/test."""
