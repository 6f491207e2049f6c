"""Redis calls and SQL statements of a request, in headers of its response on demand."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test.utils import CaptureQueriesContext

from sonic_django.test.counting import count_redis_calls

ASKED = "X-Count"
REDIS_CALLS = "X-Redis-Calls"
SQL_STATEMENTS = "X-Sql-Statements"


class CountingMiddleware:
    """Counts the round trips of a request, from its session to the last line of its template."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if ASKED not in request.headers:
            return self.get_response(request)
        with count_redis_calls() as calls, CaptureQueriesContext(connection) as statements:
            response = self.get_response(request)
        response[REDIS_CALLS] = str(len(calls))
        response[SQL_STATEMENTS] = str(len(statements))
        return response
