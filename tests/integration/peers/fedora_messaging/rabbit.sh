#!/bin/bash
# A private RabbitMQ on loopback.   usage: rabbit.sh start|stop|ctl ARGS...
# Its schedulers sleep when they have nothing to do (+sbwt none), instead of spinning for a while.
# Folder: $LAB_TMP/rabbit. Ports: $AMQP_PORT, $AMQPS_PORT (client certificate asked for), $EPMD_PORT, $DIST_PORT.
set -eu
D=$LAB_TMP/rabbit; mkdir -p "$D/log" "$D/mnesia"
BIN=$(dirname "$(dpkg -L rabbitmq-server | grep '/lib/rabbitmq/bin/rabbitmq-server$')")
export HOME=$D RABBITMQ_NODENAME=hublab@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$AMQP_PORT \
  RABBITMQ_DIST_PORT=$DIST_PORT ERL_EPMD_PORT=$EPMD_PORT ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_MNESIA_BASE=$D/mnesia \
  RABBITMQ_LOG_BASE=$D/log RABBITMQ_CONFIG_FILE=$D/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=$D/enabled_plugins \
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none" RABBITMQ_PID_FILE=$D/pid \
  RABBITMQ_CONF_ENV_FILE=/dev/null
# erl_call asks the node in a hundredth of the time that a rabbitmqctl needs to start
call() { echo "$1." | erl_call -sname "$RABBITMQ_NODENAME" -c "$(cat "$D/.erlang.cookie")" -e 2>/dev/null; }
case ${1:-start} in
start)
  echo '[rabbitmq_auth_mechanism_ssl].' >"$D/enabled_plugins"
  cat >"$D/rabbitmq.conf" <<CFG
listeners.ssl.default = 127.0.0.1:$AMQPS_PORT
ssl_options.cacertfile = $D/tls/ca.crt
ssl_options.certfile = $D/tls/server.crt
ssl_options.keyfile = $D/tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
CFG
  "$BIN/rabbitmq-server" -detached >"$D/log/start" 2>&1
  ready() { [ -s "$D/.erlang.cookie" ] && [ "$(call 'rabbit_boot_state:get()')" = '{ok, ready}' ]; }
  for _ in $(seq 1000); do ready && break; sleep 0.2; done
  ready || { echo "the broker does not start" >&2; cat "$D/log/start" >&2; exit 1; }
  users=rabbit_auth_backend_internal
  if [ "$(call "$users:add_user(<<\"hubbub-lab\">>, <<\"x\">>, <<\"lab\">>)")" = '{ok, ok}' ]; then
    call "$users:clear_password(<<\"hubbub-lab\">>, <<\"lab\">>)"
    call "$users:set_permissions(<<\"hubbub-lab\">>, <<\"/\">>, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"lab\">>)"
  fi >/dev/null ;;
stop)
  pid=$(call 'list_to_integer(os:getpid())' | tr -dc 0-9)
  call 'init:stop()' >/dev/null
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  epmd -kill >/dev/null || true ;;  # the daemon of its port would stay
ctl) shift; "$BIN/rabbitmqctl" -q "$@" ;;
esac
