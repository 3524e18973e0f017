#!/bin/sh
# The official image's settings that our compose file may use: RABBITMQ_DEFAULT_USER, _PASS, _VHOST.
set -eu
for name in user pass vhost; do
    variable=RABBITMQ_DEFAULT_$(echo "$name" | tr a-z A-Z)
    eval "value=\${$variable:-}"
    [ -z "$value" ] || echo "default_$name = $value"
    unset "$variable"
done >/etc/rabbitmq/conf.d/20-settings.conf
exec "$@"
