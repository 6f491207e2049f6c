"""Payloads: bytes to a dict of primitives and back. Knows nothing of models, SQL or Redis."""

from .codec import Codec, decode, encode
from .primitives import check_primitive, same

__all__ = ["Codec", "check_primitive", "decode", "encode", "same"]
