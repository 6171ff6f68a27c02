# docker.io/otel/opentelemetry-collector-contrib: one program, no shell, no folders.
ARG BASE
FROM ${BASE} AS package
FROM scratch
COPY --from=package /otelcol-contrib /otelcol-contrib
USER 10001:10001
EXPOSE 4317 4318 55678 55679
ENTRYPOINT ["/otelcol-contrib"]
CMD ["--config", "/etc/otelcol-contrib/config.yaml"]
