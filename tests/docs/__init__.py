"""The documentation is run: what it says happens."""
