"""Whether full text can be had in this project."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from ..exceptions import FullTextUnavailable


def is_available() -> bool:
    """Whether Haystack is among the installed apps."""
    return apps.is_installed("haystack")


def search_connection() -> Any:
    """Haystack's connection for searching; FullTextUnavailable says what to install."""
    if not is_available():
        raise FullTextUnavailable(
            "Full text needs Haystack and Xapian: pip install 'sonic-django[fulltext]', add "
            "'haystack' to INSTALLED_APPS and set HAYSTACK_CONNECTIONS = {'default': {'ENGINE': "
            "'sonic_django.fulltext.engine.SonicXapianEngine', 'PATH': '...'}}."
        )
    from haystack import connections

    return connections["default"]
