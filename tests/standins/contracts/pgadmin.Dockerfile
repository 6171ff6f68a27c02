# docker.io/dpage/pgadmin4, Alpine: user 5050 in group root, no bash, an anonymous volume wherever nothing is mounted.
ARG BASE
FROM ${BASE}
USER root
RUN rm -f /bin/bash /usr/bin/bash
WORKDIR /pgadmin4
VOLUME /var/lib/pgadmin
EXPOSE 80 443
USER 5050
ENTRYPOINT ["/entrypoint.sh"]
