"""Stand-ins for parts that a test does not need for real."""
