"""The public path of ``EmbeddedRedis``."""

from .local_redis import EmbeddedRedis

__all__ = ["EmbeddedRedis"]
