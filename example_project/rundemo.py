"""Run the demo: private Redis, tables, data, a login, the site. `sh demo.sh` starts this.

Everything is kept in one directory (``.demo`` of the project, or ``SONIC_DEMO_DIR``), so that the
second start takes a second and finds the data of the first. Removing it, or ``--reset``, starts
over.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import socket
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import django
import redis
from django.core.management import CommandError, call_command
from rich.console import Console

from sonic_django.local_redis import EmbeddedRedis, EmbeddedRedisError

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
# How many ports to try when the first is taken.
PORTS = 20
USERNAME = "admin"
CHECK_SECONDS = 30

console = Console(highlight=False, soft_wrap=True)


class DemoError(Exception):
    """The demo cannot go on; the message names the remedy."""


def main() -> int:
    options = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    directory = Path(os.environ.get("SONIC_DEMO_DIR") or ROOT / ".demo").resolve()
    server = EmbeddedRedis(directory / "redis")
    try:
        if options.reset:
            reset(directory, server)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with server:
            return run(directory, server, options)
    except (DemoError, EmbeddedRedisError, CommandError) as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo.sh", description="Run the demo of Sonic.")
    parser.add_argument("--all", action="store_true", help="load every package, not only 5,000")
    parser.add_argument(
        "--port", type=int, default=8000, help="serve on this port or the next free one (8000)"
    )
    parser.add_argument("--reset", action="store_true", help="remove the demo's data first")
    parser.add_argument(
        "--check", action="store_true", help="fetch the login page once, then end: for tests"
    )
    return parser.parse_args()


def interrupt(number: int, frame: FrameType | None) -> None:
    """Let SIGTERM end the demo as Ctrl-C does, through every ``finally``."""
    raise KeyboardInterrupt


def say(text: str) -> None:
    console.print(f"demo: {text}", markup=False)


def reset(directory: Path, server: EmbeddedRedis) -> None:
    """Remove the demo's data, unless another demo is using them."""
    if not directory.exists():
        return
    if not server.directory.is_dir():
        raise DemoError(f"{directory} was not made by the demo: it is not removed")
    with suppress(EmbeddedRedisError):  # data that no server can read are a reason to reset
        server.start()
    if server.reused:
        raise DemoError(f"a demo is running on {directory}: end that one first")
    server.stop()
    say(f"removing {directory}")
    shutil.rmtree(directory)


def run(directory: Path, server: EmbeddedRedis, options: argparse.Namespace) -> int:
    if server.reused:
        say(f"using the Redis of the demo that already runs here (process {server.pid})")
    os.environ["SONIC_DEMO_DIR"] = str(directory)
    os.environ["SONIC_REDIS_URL"] = server.url
    os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
    django.setup()
    prepare_tables()
    prepare_data(directory, server, everything=options.all)
    password = prepare_login(directory / "admin_password")
    return serve(free_port(options.port), directory, password, check=options.check)


def prepare_tables() -> None:
    say("making the tables that are missing")
    call_command("migrate", verbosity=0, interactive=False)
    call_command("sonic_build_tables", verbosity=0)


def prepare_data(directory: Path, server: EmbeddedRedis, everything: bool) -> None:
    """Load the packages once; a load that was interrupted goes on."""
    from example_project.catalog.models import Package

    marker = directory / "loaded"
    loaded = marker.read_text() if marker.exists() and Package.sql.exists() else ""
    if loaded == "all" or (loaded and not everything):
        restore_index(server)
        return
    say("loading packages")
    call_command("load_packages", all=everything)
    marker.write_text("all" if everything else "some")


def restore_index(server: EmbeddedRedis) -> None:
    """Rebuild the index when Redis comes back empty: the rows are the truth.

    That happens when an older server cannot read the files of the newer one that wrote them.
    """
    with redis.Redis.from_url(server.url) as client:
        if client.dbsize():
            return
    say("Redis has lost its data: building the index again")
    call_command("sonic_reindex")


def prepare_login(file: Path) -> str:
    """Make sure there is a superuser; return the text to show as its password.

    The password is random and kept in a file that only its owner can read, to be shown again.
    """
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    user = users.filter(username=USERNAME).first()
    if file.exists():
        password = file.read_text()
    elif user is not None:
        return "(the one you chose)"
    else:
        password = secrets.token_urlsafe(9)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
            output.write(password)
    if user is None:
        users.create_superuser(USERNAME, password=password)
    elif not user.check_password(password):
        return "(the one you chose)"
    return password


def free_port(first: int) -> int:
    """The first port from ``first`` up that is free."""
    for port in range(first, min(first + PORTS, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise DemoError(f"no free port from {first} up: choose one with --port")


def serve(port: int, directory: Path, password: str, check: bool) -> int:
    """Serve until interrupted; with ``check``, until the login page was fetched once."""
    failures: list[str] = []

    def announce(server_port: int) -> None:
        address = f"http://{HOST}:{server_port}/"
        console.print()
        console.print(f"  Sonic is running at  [bold]{address}[/]")
        console.print(f"  The admin site is    [bold]{address}admin/[/]")
        console.print(f"  Log in as            [bold]{USERNAME}[/]  ", end="")
        console.print(password, style="bold", markup=False)
        console.print(f"  Ctrl-C ends it; its data stay in {directory}\n", markup=False)
        if check:
            arguments = (f"{address}admin/login/", failures)
            threading.Thread(target=fetch_once, args=arguments, daemon=True).start()

    try:
        run_server(port, announce)
    except (KeyboardInterrupt, SystemExit):  # runserver turns Ctrl-C into sys.exit(0)
        say("stopped")
    if failures:
        raise DemoError(failures[0])
    return 0


def run_server(port: int, announce: Callable[[int], None]) -> None:
    """Django's runserver in this process: a child of its own would outlive a kill."""
    from django.contrib.staticfiles.management.commands import (
        runserver,
    )

    class Command(runserver.Command):
        def on_bind(self, server_port: int) -> None:
            announce(server_port)

    call_command(Command(), f"{HOST}:{port}", use_reloader=False)


def fetch_once(address: str, failures: list[str]) -> None:
    """Fetch the login page, note a failure, and end the server."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=CHECK_SECONDS) as response:
            if b"csrfmiddlewaretoken" not in response.read():
                failures.append(f"{address} is not a login page")
    except OSError as error:
        failures.append(f"{address}: {error}")
    finally:
        os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    raise SystemExit(main())
