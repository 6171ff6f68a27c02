"""Provide an environment's images. Documentation: plugins/modules/images.py."""

from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.compose import offline
from cloudlab.images import build, contexts, converge, lockfile, plan, progress, registry, trust
from cloudlab.model import environment

ROOT = Path(__file__).resolve().parents[2] / "files" / "images"
FAULTS = (engine.EngineError, contexts.ContextError, registry.CredentialsError, trust.TrustError)

ARGUMENTS = {
    "environment": {"type": "dict", "required": True},
    "images": {"type": "dict", "required": True},
    "lock": {"type": "dict", "default": {}},
    "image_source": {"type": "str", "choices": ["auto", "registry", "packages"], "default": "auto"},
    "registry_mirror": {"type": "str", "default": ""},
    "pull_timeout": {"type": "float", "default": 900.0},
    "contexts": {"type": "path", "default": str(ROOT)},
    "mode": modes.ARGUMENT,
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            arguments["images"] = lockfile.locked(arguments["images"], arguments["lock"])
            if arguments["mode"] == modes.DESCRIBE:
                return result | {"changed": False} | offline.images(arguments["environment"], arguments["images"])
            changed, provided = self._converge(self._request(arguments))
            complete = environment.with_images(arguments["environment"], provided, arguments["images"])
            return result | {"changed": changed} | complete
        except environment.ImageError as error:
            return result | {"failed": True, "msg": str(error)}
        except plan.ImagesError as error:
            return result | {"failed": True, "msg": "\n".join(error.problems)}
        except FAULTS as error:
            return result | {"failed": True, "msg": str(error)}

    def _request(self, arguments):
        described = arguments["environment"]
        return converge.Request(
            images=plan.required_images(described, arguments["images"]),
            sources=plan.volume_sources(described, environment.LABEL_SOURCE),
            settings=plan.Settings(arguments["image_source"], arguments["registry_mirror"], build.no_base_reason()),
            root=Path(arguments["contexts"]),
            logs=Path(described["directory"]) / "logs",
            pull_timeout=arguments["pull_timeout"],
        )

    def _converge(self, request):
        with engine.connect(timeout=converge.SILENCE_SECONDS) as connected:
            made, known = converge.prepare(connected.client, request, converge.ask_registries)
            changed = bool(made.pulls or made.builds)
            if self._task.check_mode:
                return changed, converge.outcome(made, None)
            show = progress.Progress(Display().display)
            ids = converge.apply(connected.client, made, known, request, show) if changed else {}
        return changed, converge.outcome(made, ids)
