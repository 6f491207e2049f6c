"""The same list twice: by Sonic's admin and by Django's."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin

from benchmarks.models import OrmPost, OrmTag, Post
from sonic_admin import SonicModelAdmin


@admin.register(Post)
class PostAdmin(SonicModelAdmin):
    """Filters as chosen by the class itself: author, tags, views (from and to) and created."""

    list_display = ("title", "author", "views", "created")
    search_fields = ("=author",)
    date_hierarchy = "created"
    ordering = ("-created",)


@admin.register(OrmPost)
class OrmPostAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """No filter for views: Django has none of its own that asks for a range."""

    list_display = ("title", "author", "views", "created")
    list_filter: ClassVar[Any] = (
        ("author", admin.AllValuesFieldListFilter),
        ("tags", admin.RelatedFieldListFilter),
        ("created", admin.DateFieldListFilter),
    )
    search_fields = ("=author",)
    date_hierarchy = "created"
    ordering = ("-created",)


@admin.register(OrmTag)
class OrmTagAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The tags' own page, where the filter takes their order from."""

    ordering = ("name",)
