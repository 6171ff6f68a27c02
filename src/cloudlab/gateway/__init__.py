"""The API gateway: from the services' routes to Envoy's configuration, and into an Envoy that runs.

`model` reads and checks what the catalogue says; `clusters`, `routing`, `listener` and `replies` write Envoy's
resources from it (all pure); `config` puts them together into files; `live` brings the files into a gateway that runs,
with the help of `envoy`, which talks to it.
"""
