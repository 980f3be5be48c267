#!/bin/sh
# Installs what the end-to-end tests run against; what is there already is left alone.
#
#   e2e/setup.sh                       everything
#   e2e/setup.sh redis postgres ...    only these
#
# servers: oidc-provider, and the Node and openssl it needs. browser: Chromium, and axe-core, which looks at pages. keyring: GNOME Keyring.
# rabbitmq: RabbitMQ. redis: also Sentinel. postgres: also PgBouncer. etcd: the server.
# conformance: the suite of the Model Context Protocol.
# Packages come from apt-get; on other systems it names the commands that are missing.
set -eu
cd "$(dirname "$0")"

updated=
missing=

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# need COMMAND PACKAGE...: installs the packages unless the command is there.
need() {
  command=$1
  shift
  if found "$command"; then return; fi
  echo "setup: installing $* ($(size "$command"))"
  if can_install; then
    apt_install "$@" || { refresh && apt_install "$@"; } || true
  fi
  found "$command" || missing="$missing
  $command (Debian: apt-get install $*)"
}

# size COMMAND: what its packages take on the disk, with what they need.
size() {
  case $1 in
  chromium) echo "about 375 MB" ;;
  node) echo "about 200 MB" ;;
  npm) echo "about 60 MB" ;;
  initdb) echo "about 60 MB" ;;
  rabbitmq-server) echo "about 60 MB" ;;
  *) echo "less than 10 MB" ;;
  esac
}

# Some servers are not on everybody's PATH in Debian.
found() {
  command -v "$1" >/dev/null || ls /usr/lib/postgresql/*/bin/"$1" >/dev/null 2>&1 ||
    [ -x /usr/lib/rabbitmq/bin/"$1" ]
}

# The package lists are fetched at most once, and only when an installation has failed without.
refresh() {
  [ -z "$updated" ] || return 1
  updated=yes
  as_root apt-get update -q
}

servers() {
  need node nodejs
  need npm npm
  need openssl openssl
  if found node && found npm; then
    echo "setup: oidc-provider"
    (cd oidc-provider && npm ci --omit=dev --no-audit --no-fund --loglevel=error)
  fi
}
redis() { need redis-server redis-server; need redis-cli redis-tools; need redis-sentinel redis-sentinel; }
postgres() { need initdb postgresql; need psql postgresql-client; need pgbouncer pgbouncer; }
rabbitmq() { need rabbitmq-server rabbitmq-server; }
etcd() { need etcd etcd-server; }
browser() {
  need chromium chromium
  need node nodejs
  need npm npm
  if found npm; then
    echo "setup: axe-core"
    npm ci --no-audit --no-fund --loglevel=error
  fi
}
keyring() { need gnome-keyring-daemon gnome-keyring; need dbus-run-session dbus; need secret-tool libsecret-tools; }

# It brings the Node that it needs.
conformance() {
  need npm npm
  if found npm; then
    echo "setup: the conformance suite of MCP"
    (cd conformance && npm ci --no-audit --no-fund --loglevel=error)
  fi
}

[ $# -gt 0 ] || set -- servers redis postgres etcd rabbitmq browser keyring conformance
for part; do
  case $part in
  servers | redis | postgres | etcd | rabbitmq | browser | keyring | conformance) "$part" ;;
  *) echo "setup: no part $part; there are servers, redis, postgres, etcd, rabbitmq, browser, keyring and conformance" >&2; exit 2 ;;
  esac
done

if [ -n "$missing" ]; then
  echo "setup: these commands are missing; install them with your system's package manager:$missing" >&2
  exit 1
fi
echo "setup: ready"
