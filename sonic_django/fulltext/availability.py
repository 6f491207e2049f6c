"""Whether full text can be had in this project, and what is where in it."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..conf import is_available
from ..exceptions import FullTextUnavailable


def search_connection() -> Any:
    """Haystack's connection for searching; FullTextUnavailable says what to install."""
    if not is_available():
        raise FullTextUnavailable(
            "Full text needs Haystack and Xapian: pip install 'sonic-django[fulltext]', add "
            "'haystack' to INSTALLED_APPS and set HAYSTACK_CONNECTIONS = {'default': {'ENGINE': "
            "'sonic_django.fulltext.engine.SonicXapianEngine', 'PATH': '...'}}."
        )
    from haystack import connections  # noqa: PLC0415 - Haystack is optional

    return connections["default"]


def term_field(name: str, weighted: Container[str]) -> str:
    """The Haystack field of a group; one that is searched by words as well has another name."""
    return f"{name}_group" if name in weighted else name
