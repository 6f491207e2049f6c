"""What Sonic costs, measured on servers of its own: ``sh benchmarks/run.sh --help``."""
