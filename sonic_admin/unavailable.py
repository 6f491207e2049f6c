"""503 pages for a store that is away or an index that is not built, instead of a traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _

from sonic_django.exceptions import FullTextUnavailable, IndexNotBuilt, IndexUnavailable, SonicError

from .pages import render

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template.response import TemplateResponse

logger = logging.getLogger("sonic_admin")

#: The errors of the stores beside the database.
INDEX_PROBLEMS = (IndexNotBuilt, IndexUnavailable, FullTextUnavailable)

View = TypeVar("View", bound=Callable[..., Any])


def answers_index_problems(view: View) -> View:
    """Make a view of a ModelAdmin answer a problem of the index with a page (503)."""

    @wraps(view)
    def answering(model_admin: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return view(model_admin, request, *args, **kwargs)
        except INDEX_PROBLEMS as error:
            logger.warning("%s: %s", request.path, error)
            return problem_page(model_admin, request, error)

    return cast("View", answering)


def problem_page(model_admin: Any, request: HttpRequest, error: SonicError) -> TemplateResponse:
    """The page that names the problem and the command against it, and opens objects by id."""
    name = model_admin.opts.verbose_name_plural
    return render(
        model_admin,
        request,
        "sonic_admin/problem.html",
        status=503,
        title=_("The list of %(name)s cannot be shown now") % {"name": name},
        problem=error,
        has_add_permission=model_admin.has_add_permission(request),
    )


class AutocompletePaginator(Paginator):  # type: ignore[type-arg] # only generic in the stubs
    """The objects that a field offers; while the index has a problem, one line that names it.

    Django's view for these answers with a list and nothing else.
    """

    problem: SonicError | None = None

    def page(self, number: Any) -> Page[Any]:
        """The objects of a page, loaded; or one line that names the problem."""
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
        """How many pages there are; one if there is a problem."""
        return 1 if self.problem else super().num_pages


class _Notice:
    """A line among the offered objects; choosing it chooses no object."""

    def __init__(self, error: SonicError) -> None:
        self.error = error

    def __str__(self) -> str:
        return str(self.error)

    def __getattr__(self, name: str) -> str:
        return ""  # the key, whichever field that is
