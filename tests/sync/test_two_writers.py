"""Promise 6 with real processes: what each of two writers was told is written, is there."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.db import connection

from sonic_django import SonicObj
from tests.testapp.models import Described, Everything
from tests.versions import writes

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
TIMES = 1000


def write_at_once(obj: SonicObj, body: str, *arguments: str) -> list[int]:
    """Run the body in a process for each argument (``which``), on this test's database and index
    and the object's ``id``; the number that each prints."""
    program = textwrap.dedent(
        """
        import sys, django
        from django.conf import settings
        django.setup()
        from django.db import connections
        settings.DATABASES["default"]["NAME"] = sys.argv[1]
        connections["default"].settings_dict["NAME"] = sys.argv[1]
        from sonic_django.exceptions import StaleObjectError
        from tests.testapp.models import Described, Everything
        id, which = int(sys.argv[2]), sys.argv[3]
        """
    ) + textwrap.dedent(body)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(ROOT),
    }
    name = str(connection.settings_dict["NAME"])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, name, str(obj.pk), argument],
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
        obj = Described.objects.get(pk=id)
        for number in range({TIMES}):
            if which == "labels":
                obj.labels.append(str(number))
            else:
                obj.options["numbers"].append(number)
            obj.save()
        print({TIMES})
    """
    described = Described.objects.create(title="t", labels=[], options={"numbers": []})
    assert write_at_once(described, body, "labels", "options") == [TIMES, TIMES]
    described.reload()
    assert described.options == {"numbers": list(range(TIMES))}
    assert described.labels == [str(number) for number in range(TIMES)]
    assert writes(described) == 2 * TIMES + 1


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
    everything = Everything.objects.create(whole=0)
    successes = write_at_once(everything, body, "one", "other")
    everything.reload()
    assert everything.whole == sum(successes)
    assert Everything.objects.filter(whole=sum(successes)).ids() == [everything.pk]


def test_update_with_an_expression_counts_all() -> None:
    body = f"""
        from django.db.models import F
        for _ in range({TIMES // 4}):
            assert Everything.objects.filter(pk=id).update(whole=F("whole") + 1) == 1
        print({TIMES // 4})
    """
    write_at_once(Everything.objects.create(whole=0), body, "one", "other")
    (everything,) = Everything.objects.all()
    assert everything.whole == TIMES // 2
