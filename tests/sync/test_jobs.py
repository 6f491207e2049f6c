"""The jobs of the sweep: the app registers them, whether or not anything else imports them."""

from __future__ import annotations

from sonic_django.fulltext.queue import drain_in_sweep
from sonic_django.persistence.expiry import expire
from sonic_django.sync.jobs import JOBS


def test_the_app_registers_expiry_and_then_full_text() -> None:
    assert list(JOBS.items()) == [("expiry", expire), ("full text", drain_in_sweep)]
