#!/bin/sh
# What the case `chat` needs for the side `flask`, from Debian; the side is skipped with a message where it is not there.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends \
  python3-flask-socketio python3-gevent python3-gevent-websocket python3-redis gunicorn nginx redis-server
