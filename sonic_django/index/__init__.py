"""The index: sorted and plain sets in Redis that answer queries."""
