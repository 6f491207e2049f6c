"""The Lua scripts of the index, made from the files of ``scripts/``."""

from __future__ import annotations

from importlib.resources import files

from ..transport.scripts import ScriptFolder, load_together

#: The files. Those without a constant below are parts, which scripts require.
FOLDER = ScriptFolder(files("sonic_django.index").joinpath("scripts"))

# Queries
COUNT = FOLDER.script("count")
PAGE = FOLDER.script("page")
QUERY = FOLDER.script("query")
FACET = FOLDER.script("facet")
load_together(COUNT, PAGE, QUERY, FACET)

# Writes
APPLY = FOLDER.script("apply")
PRUNE = FOLDER.script("prune")
BEGIN = FOLDER.script("begin")
PROGRESS = FOLDER.script("progress")
DEQUEUE = FOLDER.script("dequeue")

# Reads of records and sizes
CARDINALITY = FOLDER.script("cardinality")
CENSUS = FOLDER.script("census")
ENTRIES = FOLDER.script("entries")
RECORDS = FOLDER.script("records")
VERSIONS = FOLDER.script("versions")

# Checks, which may repair
COMPARE = FOLDER.script("compare")
COUNTS = FOLDER.script("counts")
DIGEST = FOLDER.script("digest")
WALK = FOLDER.script("walk")

#: Every script, for tests and tools.
ALL = (
    *(COUNT, PAGE, QUERY, FACET),
    *(APPLY, PRUNE, DEQUEUE, BEGIN, PROGRESS),
    *(CARDINALITY, CENSUS, ENTRIES, RECORDS, VERSIONS),
    *(COMPARE, COUNTS, DIGEST, WALK),
)
