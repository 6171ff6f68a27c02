"""Every command in the documents works: it is run here as it stands, or the test that proves it is named here.

The commands run in an instance of their own, in an order that makes sense for them. The only things replaced are the
instance's name in names of containers, and the answer to a reset's question.
"""

import os

import documents
import pytest
from lab import ROOT, Lab

OFFSET = 20800
INSTANCE = "test-documentation"

# What another test runs, and which.
PROVEN_ELSEWHERE = {
    "./scripts/setup.sh": "molecule fresh-debian12 and fresh-debian13",
    "./scripts/setup.sh --tags kafka": "tests/unit/test_scripts.py, which looks where the arguments go",
    "./scripts/setup.sh --check": "the same; dev.yml --check is run below",
    "pre-commit install": "tests/unit/test_hooks.py, in a repository of its own",
    "./scripts/test.sh": "this is it",
    "./scripts/test.sh --fast": "its first steps are this suite's first steps",
    "./scripts/test.sh --only unit": "tests/unit, a step of this suite",
    "./scripts/test.sh --only images --only platform-stores": "steps of this suite",
    "./scripts/test-service-communication.sh": "molecule platform",
    "docker logs -f cloudlab-order": "docker logs cloudlab-order, but endless",
    "./scripts/bench.sh": "tests/unit/test_bench.py; its figures are no assertions",
    "ansible-playbook playbooks/engine.yml": "molecule fresh-debian12, through setup.sh",
    "molecule converge --scenario-name default": "molecule default",
    "molecule verify --scenario-name default": "molecule default",
    "molecule destroy --scenario-name default": "molecule default",
    "sudo apt-get install mmdebstrap": "roles/engine installs it in molecule fresh-debian12",
    "sudo apt-get install gcc libc6-dev": "scripts/test.sh installs them itself",
    "sudo systemctl start docker": "needs a service manager as PID 1",
    "docker image prune": "would remove images of this machine that are not ours",
    "docker logs": "a pattern",
    "docker restart": "a pattern",
    "docker logs <container>": "a pattern",
    "./scripts/logs.sh": "molecule observability, as all of these",
    "./scripts/logs.sh order payment --level warn": "molecule observability",
    "./scripts/logs.sh --since 1h --grep 'card.*declined'": "molecule observability",
    "./scripts/logs.sh --request-id 6c54a7eb-9049-4540-8d6d-abe2f3a1c001": "molecule observability",
    "./scripts/logs.sh --once --json --since 10m": "molecule observability",
    "./scripts/validate.sh": "molecule validate, as all of these",
    "./scripts/validate.sh --tags kafka,order": "molecule validate",
    "./scripts/validate.sh --format junit --output report.xml": "molecule validate",
    "docker system df": "only looks",
    "docker network ls": "only looks",
    "docker network prune": "would remove networks of this machine that are not ours",
    "cp .env.example .env && docker compose up -d": "molecule compose, as everything with Docker Compose",
    "docker compose down": "molecule compose",
    "docker compose down --volumes": "molecule compose",
    "docker compose -f docker-compose.yml up -d": "molecule compose",
    "docker compose up -d postgres-init": "molecule compose",
    "docker compose up -d": "molecule compose",
    "docker compose logs -f builder": "endless",
    "docker compose logs postgres-init": "only looks",
    "ansible-playbook playbooks/export.yml": "tests/unit/compose/test_committed.py",
    "./scripts/screenshots.sh": "molecule default, into a folder of its own",
    "sudo dnf install python3.12 moby-engine": "Fedora's, as in tests/unit/test_setup_scripts.py",
    "sudo systemctl enable --now docker": "Fedora's",
    'sudo usermod -aG docker "$USER"': "Fedora's",
    "./scripts/logs.sh --request-id …": "a pattern",
    "docker kill --signal QUIT cloudlab-order": "molecule platform, which looks for the stacks",
    "docker login": "asks for a password",
    "docker context ls": "only looks",
    "sudo apt-get install docker.io mmdebstrap": "roles/engine installs them in molecule fresh-debian12",
    "ansible-playbook playbooks/dev.yml --tags <component>": "a pattern",
    "docker logs cloudlab-gateway": "docker logs cloudlab-order, of another container",
    "docker logs cloudlab-kafka": "docker logs cloudlab-order, of another container",
}

# In this order. A command that is in the documents and in neither list fails the test.
SEQUENCE = [
    "./scripts/test.sh --list",
    ". .venv/bin/activate",
    "python -m pytest --quiet tests/unit/test_dotenv.py",
    "ansible-doc -t module containers",
    "ansible-playbook playbooks/document.yml",
    "ansible-playbook playbooks/dev.yml",
    "cd files/platform && TEST_DATABASE_URL=postgres://cloudlab:development@127.0.0.1:5432/cloudlab "
    "go test -count=1 -tags=integration ./services/inventory",
    "ansible-playbook playbooks/dev.yml --check --diff",
    "ansible-playbook playbooks/describe.yml",
    "ansible-playbook playbooks/describe.yml -e format=json",
    "docker exec cloudlab-postgres pg_dumpall -U postgres > dump.sql",
    "ansible-playbook playbooks/reset.yml -e level=data -e components=postgres",
    "ansible-playbook playbooks/reset.yml -e level=component -e components=kafka",
    "ansible-playbook playbooks/reset.yml -e level=data -e components=zookeeper",
    "ansible-playbook playbooks/dev.yml",
    "docker exec -i cloudlab-postgres psql -U postgres -d postgres < dump.sql",
    "ansible-playbook playbooks/stop.yml",
    "./scripts/reset.sh everything",
]


def test_every_command_is_proven():
    assert documents.documented() - set(PROVEN_ELSEWHERE) - set(SEQUENCE) - set(documents.OF_THE_PLATFORM) == set()


def test_every_proof_is_of_a_command():
    """A command that has left the documents leaves the lists too."""
    assert (set(PROVEN_ELSEWHERE) | set(SEQUENCE) | set(documents.OF_THE_PLATFORM)) - documents.documented() == set()


@pytest.fixture(scope="module")
def lab():
    """An instance for the documents' commands; removed at the end."""
    settings = {"CLOUDLAB_ENV_FILE": "", "CLOUDLAB_INSTANCE": INSTANCE, "PORT_OFFSET": str(OFFSET)}
    # What needs the platform is run where it is up already: molecule's scenario of that name.
    settings["CLOUDLAB_PROFILE"] = "stores"
    found = Lab(dict(os.environ) | settings)
    yield found
    found.playbook("reset", "-e", "level=everything", "-e", "confirm=yes")


def test_the_commands_work(lab, tmp_path):
    os.symlink(ROOT / ".venv", tmp_path / ".venv")
    for command in SEQUENCE:
        documents.run(lab, command, tmp_path)
    assert "CREATE DATABASE cloudlab" in (tmp_path / "dump.sql").read_text(encoding="utf-8")
    assert lab.containers() == {}
