"""A payload that would call a model's method, beside the forgeries of tests/payload."""

from __future__ import annotations

import pickle
import zlib

import pytest

from sonic_django.exceptions import PayloadError
from sonic_django.payload import decode
from tests.payload.test_forged import Call, framed
from tests.testapp.models import Plain


@pytest.mark.parametrize("protocol", range(6))
def test_no_object_is_made(db: None, protocol: int) -> None:
    body = pickle.dumps({"x": Call(Plain.objects.create, "x")}, protocol)
    with pytest.raises(PayloadError):
        decode(framed(body))
    with pytest.raises(PayloadError):
        decode(framed(zlib.compress(body), flags=1))
    assert not Plain.objects.exists()
