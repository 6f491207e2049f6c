"""Keeping the stores in step: the index and full text follow the rows, after the commit."""
