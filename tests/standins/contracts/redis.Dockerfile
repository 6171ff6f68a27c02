# docker.io/library/redis, Alpine: starts as root, no volume, no bash.
ARG BASE
FROM ${BASE}
# hadolint ignore=DL3002
USER root
RUN rm -f /bin/bash /usr/bin/bash
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
