#!/bin/sh
# Runs a command in place of this shell, as make's own child: Ctrl-C and a SIGTERM to make reach it, nothing stays behind.
# A SIGINT to make alone would reach nobody: GNU make takes it that a terminal sent it to its child too, blocks further
# ones and waits, for ever. On Linux that can be seen from outside: it is passed on.
set -eu
make=$PPID
command=$$

# SIGINT is signal 2: the second lowest bit of the mask, and so of its last hexadecimal digit.
is_interrupted() { grep -q '^SigBlk:.*[2367abef]$' "/proc/$make/status"; }

watch() {
    while sleep 1 && kill -0 "$command"; do
        if is_interrupted; then
            sleep 1 # after Ctrl-C it is on its way already
            kill -INT "$command"
            return
        fi
    done
}

if [ -r "/proc/$make/status" ]; then
    watch >/dev/null 2>&1 &
fi
exec "$@"
