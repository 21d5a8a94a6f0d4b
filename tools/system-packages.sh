#!/bin/sh
# Installs what the tests need beside Python packages: Chromium, with a library that its driver needs and a small Debian
# lacks (console tests), and Mosquitto (broker tests).
# Where it may not, it says what to install by hand; the tests that need it are then skipped, but never in CI.
set -eu
PATH=$PATH:/sbin:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin

missing() {
    for program in chromium mosquitto; do
        command -v "$program" >/dev/null || printf ' %s' "$program"
    done
    if command -v ldconfig >/dev/null && ! ldconfig -p | grep -q 'libatomic\.so\.1'; then printf ' libatomic1'; fi
}

packages=$(missing)
[ -n "$packages" ] || exit 0

if [ "$(id -u)" = 0 ]; then as_root=''; else as_root='sudo -n'; fi

if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "Installing$packages with apt-get"
    log=$(mktemp)
    # shellcheck disable=SC2086 # words on purpose
    if $as_root apt-get update -q >"$log" 2>&1 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $packages >>"$log" 2>&1; then
        case $packages in *mosquitto*)
            # Only the program is wanted: Debian's service would hold port 1883, the demo's own.
            $as_root invoke-rc.d mosquitto stop >/dev/null 2>&1 || true
            $as_root update-rc.d mosquitto disable >/dev/null 2>&1 || true
            ;;
        esac
    else
        tail -n 5 "$log" >&2
    fi
    rm -f "$log"
fi

packages=$(missing)
[ -n "$packages" ] || exit 0

{
    echo "Not installed:$packages. Without them some tests cannot run. By hand:"
    case $(uname -s) in
        Darwin) echo '  brew install mosquitto && brew install --cask chromium' ;;
        *) echo "  Debian, Ubuntu: sudo apt-get update && sudo apt-get install --no-install-recommends$packages" ;;
    esac
} >&2
[ -z "${CI:-}" ]
