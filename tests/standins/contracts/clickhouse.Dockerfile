# docker.io/clickhouse/clickhouse-server, Ubuntu: starts as root, which its entry point gives up.
ARG BASE
FROM ${BASE}
# hadolint ignore=DL3002
USER root
ENV CLICKHOUSE_CONFIG=/etc/clickhouse-server/config.xml LANG=en_US.UTF-8
VOLUME /var/lib/clickhouse
EXPOSE 9000 8123 9009
ENTRYPOINT ["/entrypoint.sh"]
