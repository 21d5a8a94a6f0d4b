#!/bin/sh
# Runs Mosquitto, and has it read the accounts again whenever `telecare broker export` has written them anew.
set -eu
accounts=${ACCOUNTS_DIR:-/mosquitto/accounts}
fingerprint() { cat "$accounts/acl" "$accounts/passwords" | cksum; }

until [ -s "$accounts/acl" ] && [ -s "$accounts/passwords" ]; do
    echo "waiting for the accounts in $accounts"
    sleep 2
done

broker=$$
known=$(fingerprint)
while sleep 2; do
    kill -0 "$broker" 2>/dev/null || exit 0
    now=$(fingerprint) || continue
    if [ "$now" != "$known" ]; then
        known=$now
        kill -HUP "$broker"
    fi
done &

# exec: the broker takes this process's place, so the container's signals reach it.
exec mosquitto -c "${1:-/mosquitto/config/mosquitto.conf}"
