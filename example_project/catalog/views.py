"""The front page: numbers of objects, a search box over the packages, links to the admin."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from example_project.catalog.models import Package
from sonic_django import SonicObj
from sonic_django.exceptions import SonicError

PAGE_SIZE = 20
# Xapian ranks the whole result up to the page asked for; no one reads this far.
LAST_POSITION = 10_000
EXAMPLES = ("terminal emulator", "image viewer", "programming language", "chess")


def front(request: HttpRequest) -> HttpResponse:
    """Counts of every Sonic class; with `?q=words`, the packages found, best first."""
    words = request.GET.get("q", "").strip()
    context: dict[str, Any] = {"words": words, "examples": EXAMPLES}
    try:
        context["models"] = _counts()
        context["is_empty"] = not Package.objects.exists()
        if words:
            context |= _found(words, _position(request.GET.get("pos", "")))
    except SonicError as error:
        # Redis is away, an index is not built, or Xapian is missing: the error names the remedy.
        context["problem"] = str(error)
    except DatabaseError as error:
        context["problem"] = f"{error}. Are the tables made? manage.py migrate"
    return render(request, "catalog/front.html", context)


def _counts() -> list[dict[str, Any]]:
    return [
        {
            "name": model._meta.verbose_name_plural,
            "count": f"{model.objects.count():,}",
            "admin": f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist",
        }
        for model in apps.get_models()
        if issubclass(model, SonicObj)
    ]


def _found(words: str, position: int) -> dict[str, Any]:
    # One more than is shown tells whether there is a next page.
    packages = list(Package.search(words, pos=position, count=PAGE_SIZE + 1))
    return {
        "packages": packages[:PAGE_SIZE],
        "first": position + 1,
        "previous": max(0, position - PAGE_SIZE) if position else None,
        "next": position + PAGE_SIZE if len(packages) > PAGE_SIZE else None,
    }


def _position(text: str) -> int:
    return min(int(text), LAST_POSITION) if text.isascii() and text.isdecimal() else 0
