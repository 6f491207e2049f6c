"""The list of objects: search, filters, order, pages and their counts."""
