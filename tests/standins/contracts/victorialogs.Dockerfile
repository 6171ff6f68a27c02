# docker.io/victoriametrics/victoria-logs before 1.52, Alpine: root, no bash.
ARG BASE
FROM ${BASE}
# hadolint ignore=DL3002
USER root
RUN rm -f /bin/bash /usr/bin/bash
EXPOSE 9428
ENTRYPOINT ["/victoria-logs-prod"]
