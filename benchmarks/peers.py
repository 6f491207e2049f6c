"""rom and walrus beside Sonic, which also keeps a durable row."""

from __future__ import annotations

from .comparison import run_peers as run

__all__ = ["run"]
