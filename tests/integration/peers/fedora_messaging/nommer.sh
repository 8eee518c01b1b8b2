#!/bin/bash
# RabbitMQ queue "hublab-nommer" -> datanommer-consumer -> PostgreSQL. Foreground.   usage: nommer.sh AMQP_URL DATABASE_URL
set -eu
cat >"$LAB_TMP/nommer.toml" <<CFG
amqp_url = "$1"
callback = "datanommer.consumer:Nommer"
publish_exchange = "amq.topic"
[queues.hublab-nommer]
durable = true
auto_delete = false
exclusive = false
arguments = {}
[[bindings]]
queue = "hublab-nommer"
exchange = "amq.topic"
routing_keys = ["#"]
[consumer_config]
datanommer_sqlalchemy_url = "$2"
[qos]
prefetch_size = 0
prefetch_count = 25
CFG
exec env TZ=UTC FEDORA_MESSAGING_CONF="$LAB_TMP/nommer.toml" "$VENV_DG/bin/fedora-messaging" consume
