"""A class's declaration, compiled once."""
