# docker.io/axllent/mailpit, Alpine: root, no bash, and a health check of its own.
ARG BASE
FROM ${BASE}
# hadolint ignore=DL3002
USER root
RUN rm -f /bin/bash /usr/bin/bash
EXPOSE 1025 1110 8025
HEALTHCHECK --interval=15s --start-period=10s CMD ["/mailpit", "readyz"]
ENTRYPOINT ["/mailpit"]
