"""Talking to Redis: connections, scripts, deferred replies."""
