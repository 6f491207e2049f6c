#!/bin/sh
# Run the benchmarks: `sh benchmarks/run.sh --only blog --rows 200000`; `--help` lists them.
# `--documentation docs` rewrites the figures and charts of docs/performance.md.
#
# Installs what test.sh installs, in the same place. The servers are private and end with the run.
set -eu
cd "$(dirname "$0")/.."
sh test.sh --set-up
exec .venv-test/bin/python -m benchmarks "$@"
