"""The tests: unit, apps, ovs (a real Open vSwitch), emulated (Mininet, root), browser, arch, benchmarks; fakes for the rest."""
