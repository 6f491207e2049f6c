"""Sonic's management commands, and what they print."""
