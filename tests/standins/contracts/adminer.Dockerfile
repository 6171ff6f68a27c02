# docker.io/library/adminer, Alpine: user adminer, who owns the program's folder, no bash, `php -S` on port 8080.
ARG BASE
FROM ${BASE}
USER root
RUN rm -f /bin/bash /usr/bin/bash \
 && mkdir -p /var/www/html/plugins-enabled \
 && chown -R adminer /var/www/html
WORKDIR /var/www/html
EXPOSE 8080
STOPSIGNAL SIGINT
USER adminer
ENTRYPOINT ["entrypoint.sh", "docker-php-entrypoint"]
CMD ["php", "-S", "[::]:8080", "-t", "/var/www/html"]
