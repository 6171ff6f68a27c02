"""The API gateway: from the services' routes to the configuration of a running Envoy.

`model` reads and checks the catalogue; `clusters`, `routing`, `listener` and `replies` generate Envoy's resources from
it (all pure); `config` assembles them into files; `live` applies the files to a running gateway, through `envoy`.
"""
