# docker.io/confluentinc/cp-zookeeper: anonymous volumes wherever nothing is mounted. COMPONENT and CUB_CLASSPATH belong to its
# start script, which renders a configuration of its own.
ARG BASE
FROM ${BASE}
ENV COMPONENT=zookeeper LANG=C.UTF-8 CUB_CLASSPATH=/usr/share/java/cp-base-new/*
VOLUME ["/var/lib/zookeeper/data", "/var/lib/zookeeper/log", "/etc/zookeeper/secrets"]
EXPOSE 2181 2888 3888
USER 1000
CMD ["/etc/confluent/docker/run"]
