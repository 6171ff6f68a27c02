"""Names of images, as catalogue, engine and registries spell them."""

import pytest

from cloudlab.images import references

POSTGRES = {"repository": "docker.io/library/postgres", "tag": "17.11"}
ELASTIC = {"repository": "docker.elastic.co/elasticsearch/elasticsearch", "tag": "8.19.21"}


@pytest.mark.parametrize(
    ("image", "mirror", "expected"),
    [
        (POSTGRES, "", "docker.io/library/postgres:17.11"),
        (POSTGRES, "127.0.0.1:5000", "127.0.0.1:5000/library/postgres:17.11"),
        (POSTGRES, "r.example/mirror/", "r.example/mirror/library/postgres:17.11"),
        (ELASTIC, "127.0.0.1:5000", "127.0.0.1:5000/elasticsearch/elasticsearch:8.19.21"),
        (POSTGRES | {"digest": "sha256:aa"}, "", "docker.io/library/postgres:17.11@sha256:aa"),
        (POSTGRES | {"digest": "sha256:aa"}, "m:1", "m:1/library/postgres:17.11@sha256:aa"),
        ({"repository": "postgres", "tag": "17"}, "", "docker.io/library/postgres:17"),
        ({"repository": "dpage/pgadmin4", "tag": "9"}, "m:1", "m:1/dpage/pgadmin4:9"),
    ],
)
def test_registry_reference(image, mirror, expected):
    assert references.registry_reference(image, mirror) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("docker.io/library/postgres:17", "postgres:17"),
        ("docker.io/dpage/pgadmin4:9", "dpage/pgadmin4:9"),
        ("127.0.0.1:5000/library/postgres:17", "127.0.0.1:5000/library/postgres:17"),
        ("docker.io/library/postgres:17@sha256:aa", "postgres@sha256:aa"),
        ("127.0.0.1:5000/library/postgres:17@sha256:aa", "127.0.0.1:5000/library/postgres@sha256:aa"),
    ],
)
def test_familiar_is_how_the_engine_lists_it(reference, expected):
    assert references.familiar(reference) == expected
