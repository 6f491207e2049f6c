"""Errors and reports of the harness."""

from __future__ import annotations


class Violation(Exception):
    """A promise was broken; the text says which and where."""


class GivenUp(Exception):
    """A writer takes back what it has begun: on purpose, or because it came to nothing."""
