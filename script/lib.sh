# Shared by the scripts beside it; sourced, never run.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHON=$ROOT/.venv/bin/python

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
    BOLD='' RED='' PLAIN=''
fi

# step TEXT: says what is being done.
step() { printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"; }

# die TEXT...: says what went wrong and what to do, a line each, and ends the script.
die() {
    printf '%serror:%s %s\n' "$RED" "$PLAIN" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

# usage: prints the comment that opens the running script.
usage() { awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$0"; }

# as_root "$@": goes on as root, through sudo where need be.
as_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || die "$(basename "$0") needs root, and there is no sudo here." "Run it as root."
    step "needs root: going on with sudo"
    exec sudo -- "$(readlink -f "$0")" "$@"
}

# give_back: what root made in the checkout is handed to the owner of the checkout.
give_back() {
    [ "$(id -u)" -eq 0 ] || return 0
    local owner
    owner=$(stat -c %u:%g "$ROOT")
    [ "$owner" != 0:0 ] || return 0
    find "$ROOT" -xdev -uid 0 -exec chown -h "$owner" {} +
}
