"""The list of objects: filters, order, search, dates, pages."""
