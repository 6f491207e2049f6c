"""The stored bytes of an object, as its attribute ``sonic_payload``."""

from __future__ import annotations


class Payload(bytes):
    """The stored bytes of an object. Printed as their number, since no one can read them."""

    def __repr__(self) -> str:
        return f"<payload {len(self)} bytes>"

    __str__ = __repr__
