"""Errors behind a commit: those of receivers and jobs are logged and fail nothing; an interruption
of the process, such as a soft time limit, goes through."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from sonic_django.interruptions import is_interruption
from sonic_django.signals import index_failed, post_index
from sonic_django.sync import background, jobs
from sonic_django.sync.sweep import sweep
from sonic_django.transport.client import redis_client
from tests.sync.marking import age, write_behind_the_index
from tests.testapp.models import Plain

pytestmark = pytest.mark.django_db(transaction=True)


class SoftTimeLimit(Exception):
    """As workers have it: an ordinary exception, which a signal handler raises."""


def on_signal(signum: int, frame: Any) -> None:
    raise SoftTimeLimit


class Worker:
    def on_signal(self, *given: Any) -> None:
        raise SoftTimeLimit

    def __call__(self, *given: Any) -> None:
        self.on_signal(*given)


HANDLERS: list[Callable[..., None]] = [
    on_signal,
    Worker().on_signal,
    Worker(),
    functools.partial(on_signal),
    lambda *given: on_signal(*given),
]


@contextmanager
def received(signal_: Any, receiver: Callable[..., None]) -> Iterator[None]:
    signal_.connect(receiver, weak=False)
    try:
        yield
    finally:
        signal_.disconnect(receiver)


@contextmanager
def handled(handler: Callable[..., None]) -> Iterator[None]:
    former = signal.signal(signal.SIGUSR1, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, former)


def raise_error(**named: Any) -> None:
    raise KeyError("a bug in the receiver")


def interrupt(*given: Any, **named: Any) -> int:
    signal.raise_signal(signal.SIGUSR1)
    return 0


class TestReceivers:
    def test_of_post_index(self, caplog: Any) -> None:
        heard: list[list[int]] = []

        def note(ids: list[int], **named: Any) -> None:
            heard.append(ids)

        with received(post_index, raise_error), received(post_index, note):
            plain = Plain.objects.create(name="a")
            with transaction.atomic():
                plain.name = "b"
                plain.save()
            Plain.objects.bulk_create([Plain(name="c")])
            plain.delete()
        assert len(heard) == 4, "the receiver behind it is called too"
        assert "a bug in the receiver" in caplog.text
        assert "Traceback" in caplog.text
        assert Plain.objects.filter(name="c").count() == 1

    def test_of_index_failed(self, caplog: Any) -> None:
        key = f"{Plain._sonic.store('default').base}:rec"
        redis_client().set(key, "no hash")
        with received(index_failed, raise_error):
            plain = Plain(name="a")
            assert plain.save()
            plain.name = "b"
            assert plain.save()
            redis_client().delete(key)  # reads the replies
        assert "a bug in the receiver" in caplog.text
        assert Plain.sql.get(pk=plain.pk).name == "b"

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_what_ends_the_process_goes_through(self, error: type[BaseException]) -> None:
        def end(**named: Any) -> None:
            raise error

        with received(post_index, end), pytest.raises(error):
            Plain.objects.create(name="a")
        assert Plain.sql.count() == 1

    @pytest.mark.parametrize("handler", HANDLERS)
    def test_a_soft_time_limit_goes_through(self, handler: Callable[..., None]) -> None:
        with handled(handler), received(post_index, interrupt), pytest.raises(SoftTimeLimit):
            Plain.objects.create(name="a")
        assert Plain.objects.filter(name="a").count() == 1


class TestBackgroundJobs:
    @pytest.fixture(autouse=True)
    def often(self, settings: Any) -> Iterator[None]:
        settings.SONIC = {"SWEEP_EVERY": 0.0}
        background.forget()
        yield
        background.forget()

    @pytest.fixture
    def registered(self, monkeypatch: Any) -> Callable[[Any], None]:
        def register(job: Any) -> None:
            monkeypatch.setattr(jobs, "JOBS", {"first": job, **jobs.JOBS})

        return register

    def test_a_job_that_fails_fails_no_save_and_no_other_job(
        self, registered: Any, caplog: Any
    ) -> None:
        def fail(*given: Any, **named: Any) -> int:
            raise KeyError("a bug in the job")

        registered(fail)
        for number in range(60):
            Plain.objects.create(name=str(number))
        assert "the job 'first' of the sweep failed" in caplog.text
        assert "Traceback" in caplog.text
        taken = jobs.run(Plain._sonic.at("default"), 10, in_worker=False)
        assert list(taken) == ["expiry", "full text"]
        # A worker says so, once everything else is done.
        behind = write_behind_the_index("behind")
        age(100)
        with pytest.raises(KeyError, match="a bug in the job"):
            sweep(Plain._sonic.at("default"))
        assert Plain.objects.filter(name="behind").ids() == [behind]

    def test_a_soft_time_limit_goes_through(self, registered: Any) -> None:
        registered(interrupt)
        with handled(on_signal), pytest.raises(SoftTimeLimit):
            for number in range(60):
                Plain.objects.create(name=str(number))
        Plain.objects.all().ids()

    def test_in_the_middle_of_a_batch_too(self, monkeypatch: Any) -> None:
        write_behind_the_index("behind")
        age(100)
        monkeypatch.setattr(Plain._sonic, "by_name", interrupt)
        with handled(on_signal), pytest.raises(SoftTimeLimit):
            sweep(Plain._sonic.at("default"))

    def test_an_error_of_no_store_row_or_job_goes_through(self, monkeypatch: Any) -> None:
        def exhausted(*given: Any) -> Any:
            raise MemoryError

        monkeypatch.setattr(background, "do_job", exhausted)
        with pytest.raises(MemoryError):
            Plain.objects.create(name="a")
        assert Plain.sql.count() == 1


class TestRecognition:
    @pytest.mark.parametrize("handler", HANDLERS)
    def test_of_a_handler_that_is_no_longer_installed(self, handler: Callable[..., None]) -> None:
        with handled(handler):
            error = raised_by(interrupt)
        assert is_interruption(error)

    def test_of_what_was_raised_from_it(self) -> None:
        def wrap() -> None:
            try:
                interrupt()
            except SoftTimeLimit as inner:
                raise ValueError from inner

        with handled(on_signal):
            error = raised_by(wrap)
        assert is_interruption(error)

    @pytest.mark.parametrize("kind", [ValueError, TimeoutError, SoftTimeLimit])
    def test_an_ordinary_error_is_none(self, kind: type[Exception]) -> None:
        def fail() -> None:
            raise kind

        with handled(on_signal):
            error = raised_by(fail)
        assert not is_interruption(error)

    def test_nor_is_one_that_follows_an_interruption(self) -> None:
        def follow() -> None:
            try:
                interrupt()
            except SoftTimeLimit:
                raise_error()

        with handled(on_signal):
            error = raised_by(follow)
        assert error.__context__ is not None
        assert not is_interruption(error)


def raised_by(function: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller looks at it
        function()
    return caught.value
