# docker.io/openzipkin/zipkin, Alpine: no bash, and a health check of its own.
ARG BASE
FROM ${BASE}
USER root
RUN rm -f /bin/bash /usr/bin/bash
WORKDIR /zipkin
USER zipkin
EXPOSE 9410 9411
HEALTHCHECK --interval=5s --start-period=30s --timeout=5s CMD ["docker-healthcheck"]
ENTRYPOINT ["start-zipkin"]
