"""Emulated networks of Mininet hosts and Open vSwitch bridges: each module with a `build` function is a topology."""
