"""The front page and the admin site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from example_project.catalog.views import front

urlpatterns = [
    path("", front, name="front"),
    path("admin/", admin.site.urls),
]
