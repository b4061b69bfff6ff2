#!/usr/bin/env bash
# Installs what the tests need and runs all of them: style, types, then every group of tests that this machine can run.
# What it cannot run is named at the end, with the reason. With CI=true nothing may be left out.
# TESTS="tests/unit tests/replay" runs only those groups.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3) || python=
if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # A bare Debian has a Python without venv, or none at all.
    [ "$(id -u)" = 0 ] || { echo "python3-venv is missing: as root, apt-get install python3-venv" >&2; exit 1; }
    apt-get update -q && apt-get install -qy --no-install-recommends python3-venv
    python=$(command -v python3)
fi
# systemd-analyze reads the unit file.
if ! command -v systemd-analyze >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -q && apt-get install -qy --no-install-recommends systemd
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || { echo "Python 3.11 or later is needed; $python is older" >&2; exit 1; }

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'

echo "== style and types"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy

echo "== tests"
# shellcheck disable=SC2086
.venv/bin/python -m pytest --durations=10 ${TESTS:-tests}
