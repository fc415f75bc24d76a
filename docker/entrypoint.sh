#!/bin/sh
# What a Beam runner asks for begins with `--`; anything else is a command.
case "${1:---}" in
--*) exec /opt/apache/beam/boot "$@" ;;
*) exec "$@" ;;
esac
