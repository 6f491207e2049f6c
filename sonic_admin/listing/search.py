"""The search box: full text by relevance, or values that begin with the words.

``search_fields`` takes a field of the full text by its name, ``^name`` for values that begin with
the words and ``=name`` for the words as the whole value; several are combined by "or".
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from sonic_django.fulltext.limits import limited
from sonic_django.fulltext.searching import search

from ..capabilities import has_ranges, sonic_fields, text_weights

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
        return _("Objects whose %(fields)s begins with these words; capitals matter.") % {
            "fields": named(starts)
        }
    return None


@dataclass(frozen=True)
class SearchFields:
    """``search_fields`` by the way in which each is searched."""

    full_text: tuple[str, ...]
    beginnings: tuple[str, ...]
    values: tuple[str, ...]

    @classmethod
    def of(cls, search_fields: Iterable[Any] | None) -> SearchFields:
        """From the names as the admin gives them."""
        names = [str(name) for name in search_fields or ()]
        return cls(
            full_text=tuple(name for name in names if name[:1] not in "^="),
            beginnings=tuple(name[1:] for name in names if name.startswith("^")),
            values=tuple(name[1:] for name in names if name.startswith("=")),
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be searched."""
        return not (self.full_text or self.beginnings or self.values)

    def lookups(self, term: str) -> Iterator[dict[str, str]]:
        """The conditions of the fields that the index searches, which are combined by "or"."""
        yield from ({f"{name}__startswith": term} for name in self.beginnings)
        yield from ({f"{name}__exact": term} for name in self.values)


def narrowed(
    request: HttpRequest, queryset: Any, term: str, fields: SearchFields, found: list[int]
) -> Any:
    """The objects of a queryset that full text has found, or that the index finds by the term.

    Those of the full text alone come in the order given, unless the user sorts by a column.
    """
    condition = Q(pk__in=found)
    for lookup in fields.lookups(term):
        try:
            queryset.filter(**lookup)
        except (ValidationError, ValueError):
            continue  # the field cannot have such a value, so no object has it
        condition |= Q(**lookup)
    objects = queryset.filter(condition)
    is_ranked = found and len(condition) == 1 and ORDER_VAR not in request.GET
    return objects.in_order_of(found) if is_ranked else objects


def found_ids(
    request: HttpRequest, model: Any, term: str, names: list[str], limit: int
) -> list[int]:
    """The ids of the best matches of the full text, best first; one search a request."""
    if not names:
        return []
    # The list and each of its filters search for the same words.
    known: dict[Any, list[int]] = vars(request).setdefault("sonic_found_ids", {})
    key = (model, term, tuple(names))
    if key not in known:
        known[key] = _search(request, model, term, names, limit)
    return known[key]


def _search(request: HttpRequest, model: Any, term: str, names: list[str], limit: int) -> list[int]:
    """Search, and tell the user of an error or of matches left out."""
    label = model._meta.label
    fields = None if set(names) == set(text_weights(model)) else names
    try:
        ids, total = search(model._sonic, term, 0, limit, fields=fields, partial=True)
    except FullTextUnavailable as error:
        messages.error(request, str(error))
        return []
    except FieldError:
        raise
    except Exception as error:
        # Xapian's errors and the engine's have no common base; the list is not worth a 500.
        logger.exception("full text of %s", label)
        text = gettext(
            "The full text cannot be searched (%(error)s). If it was never built or is damaged, "
            "run: python manage.py sonic_reindex --fulltext %(label)s"
        )
        messages.error(request, text % {"error": error, "label": label})
        return []
    for note in limited(term).notes:
        messages.warning(request, note)
    if total > len(ids) >= limit:
        text = ngettext(
            "Only the best match is listed, of about %(total)d.",
            "Only the %(count)d best matches are listed, of about %(total)d. More words, or "
            "words in quotes, find less.",
            len(ids),
        )
        messages.info(request, text % {"count": len(ids), "total": total})
    return ids
