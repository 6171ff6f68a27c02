"""Run the tests of a Go module. A skipped test, or one that is never selected, is a failure.

    python tests/support/go_tests.py files/platform -race

Arguments after the module are passed to `go test`. Tests that need a store have the build tag `integration`; without
`-tags=integration`, they are only counted.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

WITH_STORES = "-tags=integration"
_NEEDS_STORE = re.compile(r"^//go:build integration$", re.MULTILINE)
_MODULE = re.compile(r"^module (\S+)$", re.MULTILINE)
_DECLARATION = re.compile(r"^func (Test\w*)\((?:\w+ )?\*testing\.T\)", re.MULTILINE)
# Lines that `go test` writes around the output of a test.
_FRAME = re.compile(r"^\s*(===|---) ")


@dataclass
class Report:
    """The outcome of each test, named `<package> <test>`, and of packages that failed to build."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    needing_stores: int = 0
    output: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every test ran and passed."""
        return bool(self.passed) and not (self.failed or self.skipped or self.missing)

    def __str__(self) -> str:
        lines = []
        for outcome, names in (("FAILED", self.failed), ("SKIPPED", self.skipped), ("NOT SELECTED", self.missing)):
            for name in names:
                lines += [f"{outcome} {name}", *(f"    {line}" for line in self.output.get(name, "").splitlines())]
        counts = f"{len(self.passed)} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"
        lines.append(counts + (f", {len(self.missing)} not selected" if self.missing else ""))
        if self.needing_stores:
            lines.append(f"left to the step platform-stores, because they need stores: {self.needing_stores}")
        return "\n".join(lines)


def declared(module: Path) -> tuple[set[str], set[str]]:
    """The names of all tests in the module: those that need no store, and those that do."""
    anywhere: set[str] = set()
    needing_stores: set[str] = set()
    for file in module.rglob("*_test.go"):
        text = file.read_text(encoding="utf-8")
        package = file.parent.relative_to(module).as_posix()
        names = {f"{package} {test}" for test in _DECLARATION.findall(text)}
        (needing_stores if _NEEDS_STORE.search(text) else anywhere).update(names)
    return anywhere, needing_stores


def read(events: Iterable[Mapping[str, str]], module_path: str) -> Report:
    """The report of the events of `go test -json`, without missing tests."""
    ended: dict[str, dict[str, str]] = {"pass": {}, "fail": {}, "skip": {}}
    output: dict[str, list[str]] = defaultdict(list)
    packages_failed = {}
    for event in events:
        action, test = event["Action"], event.get("Test")
        package = event.get("Package", event.get("ImportPath", ""))
        place = package.removeprefix(module_path).removeprefix("/") or "."
        name = f"{place} {test}" if test else place
        if action in ("output", "build-output"):
            output[name].append(event["Output"])
        elif test and action in ended:
            ended[action][name] = test
        elif action == "fail":
            # The compiler's output has a separate name.
            build = event.get("FailedBuild", "").removeprefix(module_path).removeprefix("/")
            packages_failed[place] = build or place
    report = Report(
        passed=[name for name, test in ended["pass"].items() if "/" not in test],
        failed=list(ended["fail"]),
        skipped=list(ended["skip"]),
        output={name: "".join(line for line in lines if not _FRAME.match(line)) for name, lines in output.items()},
    )
    for place, build in packages_failed.items():
        if not any(name.startswith(f"{place} ") for name in report.failed):
            report.failed.append(place)
            report.output[place] = report.output.get(build, "")
    return report


def run(module: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Report:
    """Run `go test` on all packages of the module."""
    module_path = _MODULE.search((module / "go.mod").read_text(encoding="utf-8"))[1]
    process = subprocess.run(
        ["go", "test", "-json", *arguments, "./..."],
        cwd=module,
        env=dict(os.environ if environ is None else environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    report = read((json.loads(line) for line in process.stdout.splitlines()), module_path)
    if process.returncode and not report.failed:
        report.failed.append(f"go test: exit status {process.returncode}")
    expected, needing_stores = declared(module)
    if WITH_STORES in arguments:
        expected |= needing_stores
    else:
        report.needing_stores = len(needing_stores)
    # A failed package may not have run all of its tests.
    failed = {name.split()[0] for name in report.failed}
    unseen = expected - {*report.passed, *report.failed, *report.skipped}
    report.missing = sorted(name for name in unseen if name.split()[0] not in failed)
    return report


def main(arguments: list[str]) -> int:
    """Run, print, and return the exit status."""
    report = run(Path(arguments[0]), *arguments[1:])
    print(report)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
