"""The test files of docs/testing.md, run in a project as the README makes it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.markdown import ROOT, blocks
from tests.docs.project import MODELS, SETTINGS, NewProject, block
from tests.servers import PrivateRedis


def test_examples(tmp_path: Path, private_redis: PrivateRedis) -> None:
    project = NewProject(tmp_path / "somewhere", private_redis.url)
    project.append("mysite/settings.py", block(SETTINGS).text)
    (project.directory / "blog/models.py").write_text(block(MODELS).text)
    project.sh("python manage.py makemigrations blog")
    names = []
    for example in blocks(ROOT / "docs/testing.md", "python"):
        name = re.match(r"# (blog/\w+\.py)\n", example.text)
        assert name is not None
        names.append(name[1])
        (project.directory / name[1]).write_text(example.text)
    classes = project.sh("python manage.py test 2>&1")
    assert "Ran 4 tests" in classes
    everything = project.sh(f"python -m pytest -q --ds=mysite.settings {' '.join(names)}")
    assert "5 passed" in everything
