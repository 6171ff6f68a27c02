"""The Docker Compose export: the environment as Compose files, generated from the same roles and catalogue.

placeholders  values that stand for settings, and the expressions that replace them in the files
described     the declarations that the roles record in mode `describe`
offline       the run context without an engine
service       a container's specification as a Compose service
document      the documents: services, configurations, networks, volumes, and the development override
layout        a document as text: groups with headings, shared parts as extension fields
files         names and headers of the files, and the document of each file
example       .env.example
"""
