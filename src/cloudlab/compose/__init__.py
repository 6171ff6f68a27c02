"""The compose door: the environment as files that Docker Compose reads, written from the same roles and catalogue.

placeholders  values that stand for what `.env` will say, and what becomes of them in the files
described     what the roles would have converged, gathered while a play runs
sketch        the picture of an environment on an engine that nobody asks
service       a container's specification as a service of Compose
document      the files: services, configurations, networks, volumes, and what development changes of them
example       .env.example
"""
