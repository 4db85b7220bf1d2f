#!/bin/sh
# Go and golang.org/x/mod from Debian's packages, where that is quick to have; else a line that says
# that they are not there, and success: what needs them is skipped then, with its reason.
has() { command -v go > /dev/null && [ -d /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog ]; }
has && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get > /dev/null && {
  timeout 60 apt-get update -qq
  timeout 180 apt-get install -y -qq --no-install-recommends golang-go golang-golang-x-mod-dev
} > /dev/null 2>&1
has || echo "Go's packages did not install: what needs them is skipped." >&2
exit 0
