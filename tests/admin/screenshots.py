"""Make the screenshots of docs/images: ``python -m tests.admin.screenshots``.

It starts a Redis and a site of its own, loads some hundred packages of this machine's lists, and
takes the list and the form in two widths, light and dark.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sonic_django.local_redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
WIDTHS = {1440: 900, 360: 740}
PACKAGES = 600


def main() -> int:
    with tempfile.TemporaryDirectory() as directory, EmbeddedRedis(Path(directory) / "r") as redis:
        os.environ["SONIC_DEMO_DIR"] = directory
        os.environ["SONIC_REDIS_URL"] = redis.url
        os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
        import django

        django.setup()
        prepare()
        with serving() as base:
            take(base)
    return 0


def prepare() -> None:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("sonic_build_tables", verbosity=0)
    call_command("load_packages", limit=PACKAGES)
    get_user_model().objects.create_superuser("admin", password="admin")


@contextmanager
def serving() -> Iterator[str]:
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.test.testcases import LiveServerThread

    thread: Any = LiveServerThread("127.0.0.1", StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    try:
        yield f"http://127.0.0.1:{thread.port}"
    finally:
        thread.terminate()


def take(base: str) -> None:
    from example_project.catalog.models import Package
    from tests.admin.browser import log_in, note_problems, running_browser

    sections = Package.objects.filter(section="games")
    package = max(sections[:50], key=lambda one: len(one.tags) * 10 + len(one.depends))
    pages = {
        "list": "/admin/catalog/package/",
        "form": f"/admin/catalog/package/{package.pk}/change/",
    }
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running_browser() as browser:
        for width, height in WIDTHS.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,  # type: ignore[arg-type]
                )
                page = context.new_page()
                problems: list[str] = []
                note_problems(page, problems)
                log_in(page, base, "admin", "admin")
                for name, address in pages.items():
                    page.goto(base + address)
                    page.wait_for_load_state("networkidle")
                    suffix = "-dark" if scheme == "dark" else ""
                    file = IMAGES / f"admin-{name}-{width}{suffix}.png"
                    page.screenshot(path=file)
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    print(f"{file.name}: {file.stat().st_size // 1024} KiB, {wide} px wide")
                if problems:
                    print("problems:", *problems, sep="\n  ")
                context.close()


if __name__ == "__main__":
    sys.exit(main())
