"""Rows and events in, flow text out: tests of apps, which need nothing but Python."""
