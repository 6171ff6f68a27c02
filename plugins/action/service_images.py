"""Build an image for each service. Documentation: plugins/modules/service_images.py."""

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.compose import placeholders
from cloudlab.engine.waiting import Watcher
from cloudlab.images import build, converge, trust
from cloudlab.services import images as service_images
from cloudlab.services import outcome

ROOT = Path(__file__).resolve().parents[2]
RELOAD = ROOT / "files" / "reload"
RECIPE = ROOT / "roles" / "go_service" / "files"

ARGUMENTS = {
    "instance": {"type": "str", "required": True},
    "platform": {"type": "path", "required": True},
    "catalogue": {"type": "dict", "required": True},
    "services": {"type": "list", "elements": "str", "required": True},
    "toolchain": {"type": "str", "required": True},
    "runtime": {"type": "str", "required": True},
    "builder": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 900.0},
    "mode": modes.ARGUMENT,
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        built = service_images.arguments(
            arguments["services"], arguments["catalogue"], arguments["toolchain"], arguments["runtime"]
        )
        if arguments["mode"] == modes.DESCRIBE:
            return result | self._describe(arguments, built, task_vars)
        platform = (ROOT / arguments["platform"]).resolve()
        sources = service_images.gather(platform, RELOAD, RECIPE)
        images = service_images.references(arguments["instance"], sources, built)
        builds = bool(arguments["builder"])
        try:
            with engine.connect(timeout=build.SILENCE_SECONDS) as connected:
                local = converge.local_images(connected.client)
                missing = {name: image for name, image in images.items() if image not in local}
                causes = {}
                if missing and builds and not self._task.check_mode:
                    compiled, causes = self._compile(connected, arguments, missing)
                    if service_images.gather(platform, RELOAD, RECIPE).digest != sources.digest:
                        raise AnsibleActionFail(
                            f"{platform}: files changed while they were compiled. Run the playbook again."
                        )
                    causes |= self._build(connected.client, arguments["builder"], sources, compiled, built)
        except (engine.EngineError, outcome.BuilderError, OSError) as error:
            raise AnsibleActionFail(str(error)) from None
        return result | {
            "changed": bool(missing) and (builds or self._task.check_mode),
            "images": {name: image for name, image in images.items() if name not in causes},
            "missing": sorted(missing),
            "failures": causes,
        }

    def _describe(self, arguments, built, task_vars):
        """Docker Compose builds them itself, so their names need no hash of their content."""
        source = (ROOT / arguments["platform"]).resolve()
        if not source.is_relative_to(ROOT):
            raise AnsibleActionFail(
                f"PLATFORM_SRC is {source}; Docker Compose builds images from a folder below {ROOT}."
            )
        common = {"SOURCE": str(source.relative_to(ROOT))}
        common |= {name: placeholders.variable(name) for name in trust.PROXY_VARIABLES}
        common["PACKAGES"] = service_images.packages(arguments["catalogue"][name] for name in built)
        images = {name: service_images.repository(arguments["instance"], name) for name in built}
        dockerfile = str((RECIPE / "Dockerfile").relative_to(ROOT))
        builds = {images[name]: {"dockerfile": dockerfile, "args": common | own} for name, own in built.items()}
        description = modes.describe(task_vars, images=builds)
        return description | {"images": images, "missing": [], "failures": {}}

    def _compile(self, connected, arguments, missing):
        """(service -> image of those whose program is compiled, failed service -> cause)"""
        services = [outcome.Service(name, ()) for name in missing]
        limit = arguments["timeout"]
        watcher = Watcher(connected.client)
        verdicts = outcome.Waiting(connected, arguments["builder"], services, limit, limit, watcher).run()
        compiled = {name: image for name, image in missing.items() if verdicts[name]}
        return compiled, {name: verdict.output or verdict.cause for name, verdict in verdicts.items() if not verdict}

    def _build(self, client, builder, sources, compiled, built):
        show = Display().display
        return service_images.build(
            client, builder, sources, compiled, built, lambda name: show(f"  building the image of {name}")
        )
