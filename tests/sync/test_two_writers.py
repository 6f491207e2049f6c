"""Promise 6 with real processes: what each of two writers was told is written, is there."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.db import connection

from tests.testapp.models import Everything

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
TIMES = 1000


def write_at_once(body: str, *arguments: str) -> list[int]:
    """Run the body in a process for each argument (``which``), on this test's database and index;
    the number that each prints."""
    program = textwrap.dedent(
        """
        import sys, django
        from django.conf import settings
        django.setup()
        from django.db import connections
        settings.DATABASES["default"]["NAME"] = sys.argv[1]
        connections["default"].settings_dict["NAME"] = sys.argv[1]
        from sonic_django.exceptions import StaleObjectError
        from tests.testapp.models import Everything
        id, which = int(sys.argv[2]), sys.argv[3]
        """
    ) + textwrap.dedent(body)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(ROOT),
    }
    name = str(connection.settings_dict["NAME"])
    everything = Everything.objects.create(words=[], numbers=[], whole=0)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, name, str(everything.pk), argument],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for argument in arguments
    ]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return [int(text) for text in printed]


def test_appending_to_different_fields_loses_nothing() -> None:
    body = f"""
        obj = Everything.objects.get(pk=id)
        for number in range({TIMES}):
            getattr(obj, which).append(str(number) if which == "words" else number)
            obj.save()
        print({TIMES})
    """
    assert write_at_once(body, "words", "numbers") == [TIMES, TIMES]
    (everything,) = Everything.objects.all()
    assert everything.numbers == list(range(TIMES))
    assert everything.words == [str(number) for number in range(TIMES)]
    assert everything.sonic_version == 2 * TIMES + 1
    assert Everything.objects.filter(words="999", numbers=999).ids() == [everything.pk]


def test_counting_in_one_field_loses_nothing_that_was_confirmed() -> None:
    body = f"""
        done = 0
        obj = Everything.objects.get(pk=id)
        for _ in range({TIMES}):
            try:
                obj.whole += 1
                obj.save()
                done += 1
            except StaleObjectError as error:
                assert error.fields == ("whole",), error.fields
                obj.reload()
        print(done)
    """
    successes = write_at_once(body, "one", "other")
    (everything,) = Everything.objects.all()
    assert everything.whole == sum(successes)
    assert Everything.objects.filter(whole=sum(successes)).ids() == [everything.pk]


def test_update_with_an_expression_counts_all() -> None:
    body = f"""
        from django.db.models import F
        for _ in range({TIMES // 4}):
            assert Everything.objects.filter(pk=id).update(whole=F("whole") + 1) == 1
        print({TIMES // 4})
    """
    write_at_once(body, "one", "other")
    (everything,) = Everything.objects.all()
    assert everything.whole == TIMES // 2
