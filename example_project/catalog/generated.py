"""A small made-up package list, for a machine that has none: the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from example_project.catalog.stanzas import format_stanza

ARCHIVE = "generated"

# section: (debtag, what its packages are), (what a package can do)
_SECTIONS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "admin": ("admin::monitoring", ("log viewer", "disk monitor"), ("for servers", "on the web")),
    "database": ("works-with::db", ("key store", "SQL shell"), ("in memory", "with replication")),
    "editors": ("use::editing", ("text editor", "hex editor"), ("with plugins", "for consoles")),
    "games": ("game::strategy", ("strategy game", "card game"), ("for two players", "in 3D")),
    "graphics": ("use::viewing", ("image viewer", "photo organizer"), ("for RAW files", "in Qt")),
    "mail": ("use::reading", ("mail reader", "spam filter"), ("for Maildir", "with rules")),
    "math": ("field::mathematics", ("plotting tool", "solver"), ("for matrices", "for graphs")),
    "net": ("use::downloading", ("download manager", "proxy"), ("over HTTPS", "for many peers")),
    "python": ("devel::lang:python", ("test runner", "parser"), ("with types", "for YAML")),
    "shells": ("interface::shell", ("command shell", "prompt"), ("with history", "in colour")),
    "sound": ("works-with::audio", ("audio player", "synthesizer"), ("for FLAC", "with MIDI")),
    "x11": (
        "x11::terminal",
        ("terminal emulator", "window manager"),
        ("with tabs", "drawn by the GPU"),
    ),
}
_ADJECTIVES = ("fast", "simple", "lightweight", "modern", "friendly", "small", "modular", "robust")
_NAMES = ("amber", "birch", "comet", "delta", "ember", "fjord", "grove", "heron", "indigo", "juno")
_TEAMS = ("Desktop Team", "Tools Team", "Language Team", "Science Team", "Ada Berg", "Ion Popa")


def generated_lines(count: int = 300) -> Iterator[bytes]:
    """The lines of a package list of `count` stanzas, as `list_lines` gives a real one."""
    random = Random(822)  # the number of the RFC that the format comes from
    names: list[str] = []
    for number in range(count):
        section = list(_SECTIONS)[number % len(_SECTIONS)]
        fields = _fields(random, section, number, names)
        names.append(fields["Package"])
        yield from f"{format_stanza(fields)}\n".encode().splitlines(keepends=True)


def _fields(random: Random, section: str, number: int, earlier: list[str]) -> dict[str, str]:
    tag, kinds, abilities = _SECTIONS[section]
    kind = random.choice(kinds)
    name = f"{random.choice(_NAMES)}-{kind.lower().replace(' ', '-')}{number}"
    team = random.choice(_TEAMS)
    size = random.randrange(40, 90_000)
    fields = {
        "Package": name,
        "Source": name.rstrip("0123456789"),
        "Version": f"{random.randrange(9)}.{random.randrange(20)}-{random.randrange(1, 5)}",
        "Installed-Size": str(size),
        "Maintainer": f"{team} <{team.lower().replace(' ', '.')}@example.org>",
        "Architecture": random.choice(("amd64", "all")),
        "Depends": ", ".join(random.sample(earlier, k=min(len(earlier), random.randrange(4)))),
        "Description": f"{random.choice(_ADJECTIVES)} {kind} {random.choice(abilities)}",
        "Homepage": f"https://example.org/{name}",
        "Tag": f"{tag}, role::program, interface::{random.choice(('x11', 'text-mode'))}",
        "Section": section,
        "Priority": random.choice(("optional", "optional", "optional", "standard")),
        "Multi-Arch": "foreign",
        "Size": str(size * 1024 // 3),
    }
    return {key: value for key, value in fields.items() if value}
