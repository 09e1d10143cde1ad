#!/usr/bin/env bash
# PostgreSQL and Redis for the tests: those that run here, else installed (as root) and started.
# Prints `export DATABASE_URL=… REDIS_URL=…`; what it does goes to standard error.
set -euo pipefail
PYTHON="${PYTHON:-.venv/bin/python}"

say() { echo "services: $*" >&2; }
give_up() {
    say "$*"
    exit 1
}
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
wait_for() { # port, name
    for _ in $(seq 100); do
        listening "$1" && return
        sleep 0.1
    done
    give_up "$2 does not answer on 127.0.0.1:$1"
}
install() { # package, command it brings
    command -v "$2" >/dev/null && return
    [ "$(id -u)" = 0 ] || give_up "$1 is missing and only root can install it: apt-get install $1"
    say "installing $1"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; } \
        >/dev/null 2>&1 || give_up "apt-get install $1 failed"
}
connects() { # URL
    "$PYTHON" -c 'import sys, psycopg; psycopg.connect(sys.argv[1], connect_timeout=3).close()' "$1" 2>/dev/null
}

if ! listening 6379; then
    install redis-server redis-server
    say "starting Redis"
    redis-server --daemonize yes --bind 127.0.0.1 --port 6379 --save '' --appendonly no --dir /tmp >/dev/null
    wait_for 6379 Redis
fi

if ! listening 5432; then
    install postgresql pg_ctlcluster
    read -r version cluster _ < <(pg_lsclusters -h) || give_up "PostgreSQL is installed and has no cluster"
    say "starting PostgreSQL $version"
    pg_ctlcluster "$version" "$cluster" start >&2 || give_up "pg_ctlcluster $version $cluster start failed"
    wait_for 5432 PostgreSQL
fi

# The tests make databases of their own beside this one, so it need not exist.
server="postgresql://postgres@127.0.0.1:5432"
if ! connects "$server/postgres"; then
    # A new Debian cluster trusts the system user postgres alone: a role with a password of the day is made through it.
    [ "$(id -u)" = 0 ] || give_up "PostgreSQL refuses the user postgres without a password; run as root, or set DATABASE_URL"
    password="$("$PYTHON" -c 'import secrets; print(secrets.token_hex(16))')"
    runuser -u postgres -- psql -qX -v ON_ERROR_STOP=1 >/dev/null <<SQL || give_up "the role model_console_test cannot be made"
DO \$\$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'model_console_test') THEN CREATE ROLE model_console_test; END IF;
END \$\$;
ALTER ROLE model_console_test LOGIN CREATEDB PASSWORD '$password';
SQL
    server="postgresql://model_console_test:$password@127.0.0.1:5432"
    connects "$server/postgres" || give_up "the role model_console_test was made and cannot connect"
fi
echo "export DATABASE_URL=$server/model_console_$$ REDIS_URL=redis://127.0.0.1:6379/9"
