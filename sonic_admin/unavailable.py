"""A store that is away or an index that is not built: a page that says what to do, no trace."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page, Paginator
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from sonic_django.exceptions import FullTextUnavailable, IndexNotBuilt, IndexUnavailable, SonicError

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger("sonic_admin")

#: What the index, not the row, is needed for.
INDEX_PROBLEMS = (IndexNotBuilt, IndexUnavailable, FullTextUnavailable)


class Answer:
    """The response that a problem got, if there was one."""

    response: HttpResponseBase


@contextmanager
def answering_problems(model_admin: Any, request: HttpRequest) -> Iterator[Answer]:
    """Within it, a problem of the index ends the block and becomes a page (503)."""
    answer = Answer()
    try:
        yield answer
    except INDEX_PROBLEMS as error:
        logger.warning("%s: %s", request.path, error)
        answer.response = problem_page(model_admin, request, error)


def problem_page(model_admin: Any, request: HttpRequest, error: SonicError) -> TemplateResponse:
    """Says what is wrong and what to run; objects can still be opened by their id."""
    opts = model_admin.opts
    request.current_app = model_admin.admin_site.name
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("The list of %(name)s cannot be shown now") % {"name": opts.verbose_name_plural},
        "subtitle": None,
        "opts": opts,
        "media": model_admin.media,
        "problem": error,
        "has_add_permission": model_admin.has_add_permission(request),
    }
    return TemplateResponse(request, "sonic_admin/problem.html", context, status=503)


class AutocompletePaginator(Paginator):  # type: ignore[type-arg] # only generic in the stubs
    """The objects that a field offers; in place of all of them a problem of the index, in words.

    Django's view for these answers with a list and nothing else.
    """

    problem: SonicError | None = None

    def page(self, number: Any) -> Page[Any]:
        try:
            page = super().page(number)
            page.object_list = list(page.object_list)
        except INDEX_PROBLEMS as error:
            logger.warning("autocomplete: %s", error)
            self.problem = error
            return Page([_Notice(error)], 1, self)
        return page

    @cached_property
    def num_pages(self) -> int:
        return 1 if self.problem else super().num_pages


class _Notice:
    """Stands among the offered objects; to choose it is to choose none."""

    def __init__(self, error: SonicError) -> None:
        self.error = error

    def __str__(self) -> str:
        return str(self.error)

    def __getattr__(self, name: str) -> str:
        return ""  # the key, whichever field that is
