"""The Docker Compose export: the environment as files that Compose reads, generated from the same roles and catalogue.

placeholders  values that stand for what `.env` will say, and what becomes of them in the files
described     what the roles would have converged, gathered while a play runs
sketch        the picture of an environment on an engine that nobody asks
service       a container's specification as a service of Compose
document      the files: services, configurations, networks, volumes, and what development changes of them
layout        a document as text: groups with headings, and what services share
files         the names and headers of the files, and which document each of them has
example       .env.example
"""
