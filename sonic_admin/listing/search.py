"""The search box: full text by relevance, or what begins with the words where there is none.

``search_fields`` takes a field of the full text by its name, ``^name`` for what begins with the
words and ``=name`` for the very value; several are combined by "or".
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from sonic_django.conf import is_available
from sonic_django.exceptions import FullTextUnavailable
from sonic_django.fulltext.searching import search

from ..capabilities import has_ranges, sonic_fields, text_weights
from ..mixins import Part

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("sonic_admin")

#: Text fields searched by their beginning where there is no full text.
MOST_PREFIX_FIELDS = 3


def automatic_search_fields(model: type[models.Model]) -> tuple[str, ...]:
    """``search_fields`` for the class: its full text, else its ordered texts, else none."""
    if text_weights(model) and is_available():
        return tuple(text_weights(model))
    ordered = [
        f"^{name}"
        for name, field in sonic_fields(model).items()
        if field.order_kind == "text" and not field.many and has_ranges(model, name)
    ]
    return tuple(ordered[:MOST_PREFIX_FIELDS])


def search_help(model: type[models.Model], search_fields: Any) -> Any:
    """The line below the search box."""
    fields = sonic_fields(model)

    def named(names: list[str]) -> str:
        return ", ".join(str(fields[n].verbose_name) if n in fields else n for n in names)

    words = [name for name in search_fields if name[:1] not in "^="]
    starts = [name[1:] for name in search_fields if name.startswith("^")]
    if words and not starts:
        return _("Words in %(fields)s; the best matches come first.") % {"fields": named(words)}
    if starts and not words:
        return _("What %(fields)s begins with; capitals matter.") % {"fields": named(starts)}
    return None


class SearchOptions(Part):  # type: ignore[misc]  # see parts.py
    """The part of SonicModelAdmin that searches."""

    #: How many of the best matches a search keeps, to be filtered and sorted.
    search_limit = 1000

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """By relevance, unless the user sorts by a column."""
        term = search_term.strip()
        names = [str(name) for name in self.get_search_fields(request) or ()]
        if not term or not names:
            return queryset, False
        found = self.get_found_ids(request, term, [n for n in names if n[:1] not in "^="])
        condition = Q(pk__in=found) if found else Q(pk__in=[])
        for name in names:
            lookup = {"^": f"{name[1:]}__startswith", "=": f"{name[1:]}__exact"}.get(name[0])
            if lookup:
                try:
                    queryset.filter(**{lookup: term})
                except (ValidationError, ValueError):
                    continue  # a value that this field cannot have: it is in no object
                condition |= Q(**{lookup: term})
        queryset = queryset.filter(condition)
        if found and ORDER_VAR not in request.GET and len(condition) == 1:
            queryset = ranked(queryset, found)
        return queryset, False

    def get_found_ids(self, request: HttpRequest, term: str, names: list[str]) -> list[int]:
        """The ids of the best matches of the full text, best first; one search a request."""
        if not names:
            return []
        known: dict[Any, list[int]] = request.__dict__.setdefault("_sonic_found", {})
        key = (self.model, term, tuple(names))
        if key not in known:
            known[key] = self._search(request, term, names)
        return known[key]

    def _search(self, request: HttpRequest, term: str, names: list[str]) -> list[int]:
        all_fields = set(names) == set(text_weights(self.model))
        fields = None if all_fields else names
        try:
            model: Any = self.model
            ids, total = search(
                model._sonic, term, 0, self.search_limit, fields=fields, partial=True
            )
        except FullTextUnavailable as error:
            messages.error(request, str(error))
            return []
        except FieldError:
            raise
        except Exception as error:
            # Xapian's errors and the engine's have no common base; the list is not worth a 500.
            logger.exception("full text of %s", self.model._meta.label)
            label = self.model._meta.label
            messages.error(
                request,
                gettext(
                    "The full text cannot be searched (%(error)s). If it was never built or is "
                    "damaged, run: python manage.py sonic_reindex --fulltext %(label)s"
                )
                % {"error": error, "label": label},
            )
            return []
        if total > len(ids) >= self.search_limit:
            text = ngettext(
                "Only the best match is listed, of about %(total)d.",
                "Only the %(count)d best matches are listed, of about %(total)d. More words, or "
                "words in quotes, find less.",
                len(ids),
            )
            messages.info(request, text % {"count": len(ids), "total": total})
        return ids


def ranked(queryset: Any, ids: list[int]) -> Any:
    """The queryset in the order of these ids instead of one that an index gives."""
    new = queryset._clone()
    kind: Any = type(queryset)
    new.__class__ = _ranked_class(kind)
    new.ranks = {id: rank for rank, id in enumerate(ids)}
    return new


@lru_cache(maxsize=64)
def _ranked_class(base: type[Any]) -> type[Any]:
    """A queryset class whose ids come by ``ranks``, which hold all that it can contain."""

    class Ranked(base):  # type: ignore[misc]  # of whatever queryset class
        ranks: dict[int, int]

        def ids(self) -> list[int]:
            everything = self._clone()
            everything._low, everything._high = 0, None
            found = base.ids(everything)
            found.sort(key=lambda id: self.ranks.get(id, len(self.ranks)))
            page: list[int] = found[self._low : self._high]
            return page

        def order_by(self, *names: Any) -> Any:
            new = super().order_by(*names)
            new.__class__ = base
            return new

    Ranked.__name__ = base.__name__
    return Ranked
