# docker.io/envoyproxy/envoy, Ubuntu: starts as root, which its entry point gives up. bash, but no HTTP client.
ARG BASE
FROM ${BASE}
# hadolint ignore=DL3002
USER root
RUN rm -f /usr/bin/curl /usr/bin/wget
EXPOSE 10000
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["envoy", "-c", "/etc/envoy/envoy.yaml"]
