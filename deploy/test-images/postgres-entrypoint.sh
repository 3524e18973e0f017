#!/bin/bash
# The official image's settings that our compose file may use:
# POSTGRES_USER, POSTGRES_PASSWORD or _PASSWORD_FILE, POSTGRES_DB, PGDATA and /docker-entrypoint-initdb.d.
set -euo pipefail
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
export PGDATA

as_postgres() {
    install -d -o postgres -g postgres -m 0700 "$PGDATA"
    install -d -o postgres -g postgres /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
}

create_cluster() {
    local password=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:?or POSTGRES_PASSWORD must be set}")}
    initdb -U "$user" -E UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 \
        --pwfile=<(printf '%s\n' "$password") >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl -w -s -o "-c listen_addresses=''" start
    [ "$database" = postgres ] || createdb -U "$user" "$database"
    run_scripts
    pg_ctl -w -s -m fast stop
}

run_scripts() {
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
        *.sh) bash "$script" ;;
        *.sql) psql -v ON_ERROR_STOP=1 -U "$user" -d "$database" -f "$script" ;;
        esac
    done
}

[ "${1:-}" = postgres ] || exec "$@"
[ "$(id -u)" != 0 ] || as_postgres "$@"
[ -s "$PGDATA/PG_VERSION" ] || create_cluster
exec "$@" -c listen_addresses='*'
