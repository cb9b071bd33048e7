#!/bin/sh
# Makes an example of a data directory, to read and to try things with.
#
#   keys.example/make.sh [DIRECTORY]      default: keys.example/data
#
# The file keys/EXAMPLE in it makes the server refuse to listen on anything but loopback.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
to=${1:-$here/data}

for repod in "$(command -v repod || true)" "$here"/../target/release/repod "$here"/../target/debug/repod; do
    [ ! -x "$repod" ] || break
done
if [ ! -x "$repod" ]; then
    echo 'there is no repod yet: cargo build, or put one into PATH' >&2
    exit 1
fi

"$repod" init --data "$to" --name localhost --listen 127.0.0.1:8443 --listen '[::1]:8443'
echo 'These keys are an example. Others may have them: they are for no real repository.' >"$to/keys/EXAMPLE"
