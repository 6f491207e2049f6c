"""Benchmarks of Sonic, on servers of their own: ``sh benchmarks/run.sh --help``."""
