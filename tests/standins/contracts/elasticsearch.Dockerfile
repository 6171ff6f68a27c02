# docker.elastic.co/elasticsearch/elasticsearch: user 1000 in group root, bash and curl, no wget, no keystore, no volume.
ARG BASE
FROM ${BASE}
USER root
RUN rm -f /usr/bin/wget /usr/share/elasticsearch/config/elasticsearch.keystore
ENV SHELL=/bin/bash
WORKDIR /usr/share/elasticsearch
EXPOSE 9200 9300
USER 1000:0
ENTRYPOINT ["/bin/tini", "--", "/usr/local/bin/docker-entrypoint.sh"]
CMD ["eswrapper"]
