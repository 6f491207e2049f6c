"""Queries: from Q objects to a state, a plan, ids and verified objects."""
