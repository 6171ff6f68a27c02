# The image of a service whose program the builder has compiled. Docker Compose compiles it itself: see Dockerfile.
ARG RUNTIME=debian
FROM ${RUNTIME}
COPY out/ /
USER 65532:65532
ENTRYPOINT ["/cloudlab/service"]
