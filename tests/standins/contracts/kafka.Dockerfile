# docker.io/confluentinc/cp-kafka: anonymous volumes wherever nothing is mounted. COMPONENT and CUB_CLASSPATH belong to its start
# script, which renders a configuration of its own.
ARG BASE
FROM ${BASE}
ENV COMPONENT=kafka LANG=C.UTF-8 CUB_CLASSPATH=/usr/share/java/cp-base-new/*
VOLUME ["/var/lib/kafka/data", "/etc/kafka/secrets"]
EXPOSE 9092
USER 1000
CMD ["/etc/confluent/docker/run"]
