#!/usr/bin/env bash
# Installs what the tests need and runs all of them: style, types, then every group of tests that this machine can run.
# What it cannot run is named at the end, with the reason. With CI=true nothing may be left out.
# TESTS="tests/unit tests/replay" runs only those groups.
set -euo pipefail
cd "$(dirname "$0")/.."

# The newest Python that answers and has venv. A name on the PATH proves nothing: it may be a version manager's shim.
able_python() {
    local name
    for name in python3.13 python3.12 python3.11 python3 /usr/bin/python3; do
        if "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
}

python=$(able_python)
packages=()
# A bare Debian has a Python without venv, or none at all.
[ -n "$python" ] || packages+=(python3-venv)
# systemd-analyze reads the unit file, mosquitto is the broker, openssl makes certificates, mmdebstrap gets the Asterisks and bare Debians.
while read -r command package; do
    command -v "$command" >/dev/null || packages+=("$package")
done <<'NEEDED'
systemd-analyze systemd
mosquitto mosquitto
mosquitto_passwd mosquitto
openssl openssl
mmdebstrap mmdebstrap
NEEDED
if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q && apt-get install -qy --no-install-recommends --no-upgrade "${packages[@]}" ca-certificates
elif [ ${#packages[@]} -gt 0 ]; then
    echo "missing, and only root can install it: ${packages[*]}; what needs it is skipped" >&2
fi
python=${python:-$(able_python)}
[ -n "$python" ] || { echo "Python 3.11 or later with venv is needed: as root, apt-get install python3-venv" >&2; exit 1; }

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'

echo "== style and types"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy

echo "== tests"
# shellcheck disable=SC2086
.venv/bin/python -m pytest --durations=10 ${TESTS:-tests}
