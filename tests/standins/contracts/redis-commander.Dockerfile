# ghcr.io/joeferner/redis-commander, Alpine: user 10000, no bash, and a health check of its own that runs once a minute.
ARG BASE
FROM ${BASE}
USER root
RUN rm -f /bin/bash /usr/bin/bash
WORKDIR /redis-commander
EXPOSE 8081
USER 10000
HEALTHCHECK --interval=1m --timeout=2s CMD ["/redis-commander/bin/healthcheck.js"]
ENTRYPOINT ["/usr/bin/dumb-init", "--"]
CMD ["/redis-commander/docker/entrypoint.sh"]
