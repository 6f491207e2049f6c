"""What the harness raises and reports."""

from __future__ import annotations


class Violation(Exception):
    """A promise was broken; the text says which and where."""
