"""The crash harness: writers that are killed, servers that are killed, and nothing may be lost.

By hand, for any length::

    python -m tests.crash --minutes 30 --seed 7 --kills 200     # writers, Redis and MariaDB killed
    python -m tests.crash.reindex --rows 60000 --kills 10 --seed 7   # sonic_reindex killed
    python -m tests.crash.flushall --seed 7                     # FLUSHALL beneath the writers
    python -m tests.crash.backup --seed 7                       # the database is set back

Each starts a MariaDB and a Redis of its own in a new directory (``--directory``, by default in
memory where there is room); the variables SONIC_TEST_DATABASE and SONIC_TEST_REDIS choose others,
see ``tests/servers.py``. What differs at the end is printed with its history, the seed and the
directory, which is then kept, and the exit status is 1. Short runs are part of the test suite.

How it knows what must be there: each writer appends to a file what an operation will have
changed, before the first statement that could commit it, and how the operation ended, as soon as
it knows (``ledger.py``). So after a kill an operation is confirmed, failed or in doubt. One in
doubt is resolved from the rows, once the server has forgotten the writer's former connection: all
of it is there or none. Each item is written by one writer only, so its last state is known
exactly; what all of them share are unique values and counters, and of each counter a writer
knows its own share. Items that were not written for a while are left alone, so that what a kill
has left on them is still there at the end.

Redis appends to a file, and a kill loses up to a second of it, or keeps snapshots alone, and a
kill loses all since the last one. Now and then it is emptied, or comes back with the files of an
earlier moment; then the indexes count as not built until the keeper, a process that plays the
operator, has rebuilt them, and it is killed meanwhile. The clock of each writer is right, an hour
ahead or an hour behind.

====================================  ==========================================================
``stores.py``, ``settings.py``        the servers and how they are killed; Django's settings
``models.py``                         what is written
``known.py``, ``items.py``,           the steps of a writer, each of which says beforehand what
``names.py``, ``counters.py``,        it will have changed
``steps.py``
``ledger.py``, ``writer.py``          what a writer knows, and its process
``reading.py``                        what writers read meanwhile
``keeper.py``                         what is asked all the time, and rebuilt when it is not built
``clocks.py``                         hosts whose clocks are wrong
``crew.py``, ``__main__.py``          the processes of all writers, and who kills them
``compare.py``, ``verify.py``         the end: everything beside everything
====================================  ==========================================================
"""
