"""Writing objects: rows, unique claims, and what follows a commit."""
