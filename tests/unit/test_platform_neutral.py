"""The environment works for any platform: no code and no example of it names a service of the reference platform."""

import ast
import re
import subprocess

import pytest
import yaml

from cloudlab.model import settings

ROOT = settings.ROOT
PLATFORM = ROOT / "files" / "platform" / "cloudlab.yml"
SERVICES = sorted(yaml.safe_load(PLATFORM.read_text(encoding="utf-8"))["services"])

# Names of services that are also words of the environment's own interfaces. As one of these words, a string in Python
# or a key in YAML is no service. Where a value or a qualified name is expected, they are found like the others.
VOCABULARY = {
    "auth": "a key of routes, and of Docker's configuration",
    "content": "a key of files, and of a store's state",
    "user": "a key of logins, containers and images",
}
# (path, name) -> why this value in YAML is no service.
OTHER_MEANING = {
    ("plugins/vars/platform_defaults.py", "inventory"): "a stage of vars plugins",
    ("plugins/vars/settings.py", "inventory"): "a stage of vars plugins",
}
# Messages and descriptions in src/ have examples of their own, so texts are searched only in these folders.
WITH_EXAMPLES = ("plugins/", "roles/", "playbooks/")

_NAMES = "|".join(SERVICES)
_WORD = rf"(?<![\w-])(?:{_NAMES})"
# What can only be a service: its container, image, port setting, topic, package, address, tag, placeholder or route.
QUALIFIED = re.compile(
    "|".join(
        [
            rf"\bcloudlab[-/](?:{_NAMES})\b",
            rf"{_WORD}[-_]service(?![a-z])",
            rf"{_WORD}\.(?:events|created|v\d+)\b",
            rf"\b(?:cmd|services)/(?:{_NAMES})\b",
            rf"{_WORD}:\d+",
            rf"--tags[ =](?:\w+,)*(?:{_NAMES})\b",
            rf"\{{(?:{_NAMES})\.\w+\}}",
            rf"/api/v\d+/(?:{_NAMES})s?\b",
        ]
    )
)


class _Loader(yaml.SafeLoader):
    """Reads a file with tags of Ansible, whose values do not matter here."""


_Loader.add_multi_constructor("!", lambda *_: None)


def strings(source):
    """The string constants of a Python module that are a service's name."""
    names = {f"{name}-service" for name in SERVICES} | set(SERVICES) - VOCABULARY.keys()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in names:
            yield node.value


def documentation(source):
    """The YAML documents in a plugin's source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("DOCUMENTATION", "EXAMPLES", "RETURN"):
            yield ast.literal_eval(node.value)


def scalars(text):
    """The keys and values of YAML documents that are a service's name."""
    waiting = list(yaml.load_all(text, _Loader))
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield from (key for key in node if key in SERVICES and key not in VOCABULARY)
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
        elif node in SERVICES:
            yield node


def named(path, text):
    """The services that a file names, in the order of the rules."""
    if path.endswith(".py"):
        yield from strings(text)
        if path.startswith("plugins/"):
            for part in documentation(text):
                yield from scalars(part)
    elif path.endswith((".yml", ".yaml")):
        yield from scalars(text)
    if path.startswith(WITH_EXAMPLES):
        yield from QUALIFIED.findall(text)


def tracked():
    command = ["git", "ls-files", "-z", "--", "src", "plugins", "roles", "playbooks"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in filter(None, listed.split("\0")):
        content = (ROOT / path).read_bytes() if (ROOT / path).is_file() else b"\0"
        if b"\0" not in content:
            yield path, content.decode("utf-8")


def test_no_file_names_a_service_of_the_reference_platform():
    found = {(path, name) for path, text in tracked() for name in named(path, text)}
    assert found - OTHER_MEANING.keys() == set()
    assert OTHER_MEANING.keys() - found == set(), "these exemptions are not needed"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/cloudlab/a.py", 'if name == "order": pass'),
        ("src/cloudlab/a.py", "PORTS = {'analytics': 8089}"),
        ("src/cloudlab/a.py", 'HOST = "user-service"'),
        ("plugins/modules/a.py", 'EXAMPLES = "- a: {services: [order, web]}"'),
        ("plugins/modules/a.py", 'RETURN = "sample: {order: built}"'),
        ("plugins/modules/a.py", 'EXAMPLES = "- a: {jwt: {service: auth}}"'),
        ("plugins/filter/a.yml", "description: Such as C(--tags kafka,order)."),
        ("roles/a/tasks/main.yml", "- loop: [web, payment]"),
        ("roles/a/README.md", "`{inventory.host}:{inventory.grpc}`"),
        ("roles/a/README.md", "docker logs cloudlab-notification"),
        ("roles/a/defaults/main.yml", "port: user_service_port"),
        ("roles/a/templates/a.j2", "http://auth:8080"),
        ("roles/a/templates/a.sh", "curl localhost/api/v1/orders"),
        ("roles/a/templates/a.sh", "topic user.events, package cmd/web"),
        ("playbooks/a.yml", "a: !vault order\nb: ./cmd/content"),
    ],
)
def test_a_service_is_found(path, text):
    assert list(named(path, text))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/cloudlab/a.py", '"""The order of the search."""\nuser = {"user": 1, "content": "in order"}'),
        ("plugins/modules/a.py", 'EXAMPLES = "- a: {user: me, content: text, auth: none}"'),
        ("roles/a/vars/main.yml", "user: '101:101'\ncontent: the order of the inventory"),
        ("roles/a/README.md", "Every user is in the search path; `elasticsearch_users`, user:group, reorder_service"),
    ],
)
def test_other_words_are_not_found(path, text):
    assert list(named(path, text)) == []


def test_the_vocabulary_has_only_names_of_services():
    assert VOCABULARY.keys() <= set(SERVICES)
