"""Provides the images of an environment: asks the engine, plans, then pulls and builds the missing ones."""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import APIClient

from cloudlab import engine
from cloudlab.engine import lock
from cloudlab.images import build, contexts, plan, pull, registry, trust
from cloudlab.images.contexts import Context
from cloudlab.images.progress import Progress

BUILDS_AT_ONCE = 2
PULLS_AT_ONCE = 3
SILENCE_SECONDS = 120  # longest silence of the engine while it pulls or imports


@dataclass(frozen=True)
class Request:
    """The images that are required, and how to get them."""

    images: list[dict[str, Any]]  # {"key", "repository", "tag", "context"} each, and "digest" if it is locked
    sources: Mapping[str, str]  # key -> source of the image that wrote existing data
    settings: plan.Settings
    root: Path  # files/images
    logs: Path
    pull_timeout: float  # seconds for one pull


def local_images(client: APIClient) -> dict[str, str]:
    """All images of the engine: name:tag and name@digest in their short form -> image id."""
    return {
        name: image["Id"]
        for image in client.images()
        for name in [*(image.get("RepoTags") or []), *(image.get("RepoDigests") or [])]
        if not name.startswith("<none>")
    }


def prepare(
    client: APIClient, request: Request, ask: Callable[[list[str]], dict[str, registry.Answer]]
) -> tuple[plan.Plan, dict[str, Context]]:
    """(plan, contexts), from one list call to the engine; registries are only asked for missing images."""
    known = contexts.load(request.root, [image["context"] for image in request.images if image.get("context")])
    planner = plan.Planner(request.settings, local_images(client), request.sources, known)
    asked = planner.questions(request.images)
    return planner.plan(request.images, ask(asked) if asked else {}), known


def ask_registries(references: list[str]) -> dict[str, registry.Answer]:
    """Ask on a separate connection, whose timeout limits the wait for a registry that hangs."""
    with engine.connect(timeout=registry.ASK_SECONDS) as asking:
        return registry.ask(asking, references)


def apply(
    client: engine.Client, made: plan.Plan, known: Mapping[str, Context], request: Request, show: Progress
) -> dict[str, str]:
    """Pull and build; return reference -> image id. Raises ImagesError after everything was tried.

    :param show: receives the progress of every job, and is ticked from this thread.
    """
    builder = build.Builder(
        client, request.logs, trust.ca_bundle(os.environ) if made.builds else b"", trust.proxy_arguments(os.environ)
    )
    jobs = _Jobs(show)
    try:
        for reference in made.pulls:
            jobs.submit(jobs.pulls, reference, pull.pull, client, reference, request.pull_timeout)
        with _one_builder(show) if made.builds else nullcontext():
            # Another run may have built them in the meantime.
            local = local_images(client) if made.builds else {}
            jobs.ids |= {known[name].reference: local.get(known[name].reference, "") for name in made.builds}
            jobs.build([name for name in made.builds if known[name].reference not in local], known, builder)
    finally:
        jobs.close()
    if jobs.problems:
        raise plan.ImagesError(jobs.problems)
    return jobs.ids


def outcome(made: plan.Plan, ids: Mapping[str, str] | None) -> dict[str, dict[str, str]]:
    """key -> {"reference", "source", "id", "state", "reason"}.

    :param ids: reference -> id of each pulled or built image; None in check mode.
    """
    states = {plan.PRESENT: "present", plan.SKIP: "skipped", plan.PULL: "pulled", plan.BUILD: "built"}
    if ids is None:
        states |= {plan.PULL: "would_pull", plan.BUILD: "would_build"}
    return {
        key: {
            "reference": decision.reference,
            "source": decision.source,
            "id": decision.id or (ids or {}).get(decision.reference, ""),
            "state": states[decision.step],
            "reason": decision.reason,
        }
        for key, decision in made.decisions.items()
    }


def _one_builder(show: Progress) -> AbstractContextManager:
    """Prevent other runs of this user from building the same images at the same time."""
    path = Path(tempfile.gettempdir()) / f"cloudlab-builds-{os.getuid()}.lock"
    return lock.exclusive(path, lambda: show.say("waiting for another run that is building images"))


class _Jobs:
    """Running pulls and builds. Only the thread that created the object uses its fields."""

    def __init__(self, show: Progress):
        self.ids: dict[str, str] = {}
        self.problems: list[str] = []
        self.pulls = ThreadPoolExecutor(PULLS_AT_ONCE)
        self.builds = ThreadPoolExecutor(BUILDS_AT_ONCE)
        self._show = show
        self._running: dict[Future, str] = {}

    def submit(self, pool: ThreadPoolExecutor, name: str, work: Callable[..., str], *arguments: Any) -> None:
        """Start a job; it gets a function to report to as its last argument."""
        self._running[pool.submit(self._run, name, work, *arguments)] = name

    def build(self, names: Iterable[str], known: Mapping[str, Context], builder: build.Builder) -> None:
        """Build the contexts, each after its parents; then wait for everything."""
        waiting, missing = list(names), set(names)
        while waiting or self._running:
            for name in [name for name in waiting if not missing & set(known[name].parents.values())]:
                waiting.remove(name)
                self.submit(self.builds, name, builder.build, known[name], known)
            if not self._running:
                break  # the parents of the rest failed
            for name, image in self._finished().items():
                missing.discard(name)
                self.ids[known[name].reference if name in known else name] = image
        for name in waiting:
            self.problems.append(
                f"The image {known[name].reference} was not built: an image that it is based on failed."
            )

    def close(self) -> None:
        """Cancel what has not begun; the interpreter waits for what runs."""
        for pool in (self.pulls, self.builds):
            pool.shutdown(wait=False, cancel_futures=True)
        self._show.tick()

    def _run(self, name: str, work: Callable[..., str], *arguments: Any) -> str:
        self._show.start(name, "started")
        done = "failed"
        try:
            image = work(*arguments, lambda doing: self._show.update(name, doing))
            done = "done"
            return image
        finally:
            self._show.finish(name, done)

    def _finished(self) -> dict[str, str]:
        """Wait until a job ends, and show progress; name -> image id of those that succeeded."""
        ended: set[Future] = set()
        while not ended:
            self._show.tick()
            ended, _ = wait(self._running, timeout=1, return_when=FIRST_COMPLETED)
        images = {}
        for future in ended:
            name = self._running.pop(future)
            try:
                images[name] = future.result()
            except (pull.PullError, build.BuildError) as error:
                self.problems.append(str(error))
        return images
