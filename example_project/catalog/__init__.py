"""Debian packages: real data with many shapes, read from the machine's own lists."""
