# docker.io/victoriametrics/victoria-metrics, Alpine: root, no bash.
ARG BASE
FROM ${BASE}
# hadolint ignore=DL3002
USER root
RUN rm -f /bin/bash /usr/bin/bash
EXPOSE 8428
ENTRYPOINT ["/victoria-metrics-prod"]
