"""``python -m benchmarks.admin_page.server``: the admin site over HTTP, until its input ends.

Makes the tables and a session of a superuser first; then says where it listens, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.admin_page.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Handler(WSGIRequestHandler):
        """Sends an answer's headers and body without waiting for the acknowledgement between."""

        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a line for each request would be measured too."""

    call_command("migrate", run_syncdb=True, verbosity=0)
    server = ThreadedWSGIServer(("127.0.0.1", 0), Handler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_port, "session": _session()}), flush=True)
    sys.stdin.read()
    server.shutdown()


def _session() -> str:
    """The key of a session in which a superuser is logged in."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client.cookies["sessionid"].value


if __name__ == "__main__":
    main()
