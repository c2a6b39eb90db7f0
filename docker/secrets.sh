#!/usr/bin/env bash
# Make the secrets of the stack, once: random ones that nobody else has. What is there already stays as it is.
#   docker/secrets.sh [RPC_URL]
set -euo pipefail
umask 077
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
mkdir -p "$here/secrets" "$here/alertmanager/secrets"

random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
keep()   { [ -s "$1" ] || printf '%s' "$2" > "$1"; }

keep "$here/secrets/postgres_password" "$(random)"
keep "$here/secrets/grafana_password"  "$(random)"
keep "$here/secrets/webhook_token"     "$(random)"
keep "$here/secrets/database_url"      "postgresql://usdx:$(cat "$here/secrets/postgres_password")@postgres:5432/usdx"
keep "$here/secrets/rpc_url"           "${1:-http://chain:8545}"
keep "$here/alertmanager/secrets/webhook_token" "$(cat "$here/secrets/webhook_token")"

# The containers' users (10001 the workers, 65534 Alertmanager, 472 Grafana) must be able to read them, and nobody else
# may enter the folders.
chmod 711 "$here/secrets" "$here/alertmanager/secrets"
chmod 444 "$here"/secrets/* "$here"/alertmanager/secrets/*
echo "secrets are in $here/secrets and $here/alertmanager/secrets; Grafana's user is admin"
