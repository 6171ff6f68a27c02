# docker.io/library/postgres, Debian: starts as root, which its entry point gives up. No HTTP client.
ARG BASE
FROM ${BASE}
# hadolint ignore=DL3002
USER root
# The programs themselves instead of Debian's wrappers in Perl, which warn about the locale.
RUN rm -f /usr/bin/curl /usr/bin/wget /usr/bin/nc && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/
ENV PGDATA=/var/lib/postgresql/data LANG=en_US.utf8
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
