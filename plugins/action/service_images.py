"""Build an image for each service. Documentation: plugins/modules/service_images.py."""

import os
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.compose import placeholders
from cloudlab.images import build, contexts, converge, trust
from cloudlab.services import images as service_images

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
            return result | self._describe(arguments["instance"], arguments["platform"], built, task_vars)
        sources = service_images.gather((ROOT / arguments["platform"]).resolve(), RELOAD, RECIPE)
        references = service_images.references(arguments["instance"], sources, built)
        try:
            missing, causes = self._converge(sources, references, built)
        except (engine.EngineError, trust.TrustError, OSError) as error:
            raise AnsibleActionFail(str(error)) from None
        return result | {
            "changed": bool(missing),
            "images": {name: reference for name, reference in references.items() if name not in causes},
            "built": sorted(set(missing) - set(causes)),
            "failures": causes,
        }

    def _describe(self, instance, platform, built, task_vars):
        """Docker Compose builds them itself, so their names need no hash of their content."""
        source = (ROOT / platform).resolve()
        if not source.is_relative_to(ROOT):
            raise AnsibleActionFail(
                f"PLATFORM_SRC is {source}; Docker Compose builds images from a folder below {ROOT}."
            )
        places = {"SOURCE": source, "MODULES": source, "RELOAD": RELOAD, "RECIPE": RECIPE}
        common = {name: str(path.relative_to(ROOT)) for name, path in places.items()}
        common |= {name: placeholders.variable(name) for name in trust.PROXY_VARIABLES}
        images = {name: service_images.repository(instance, name) for name in built}
        description = modes.describe(task_vars, images={images[name]: common | own for name, own in built.items()})
        return description | {"images": images, "built": [], "failures": {}}

    def _converge(self, sources, references, built):
        """(services whose image is missing, failed service -> cause)"""
        with engine.connect(timeout=build.SILENCE_SECONDS) as connected:
            local = converge.local_images(connected.client)
            missing = [name for name, reference in references.items() if reference not in local]
            if not missing or self._task.check_mode:
                return missing, {}
            show = Display().display
            return missing, service_images.build(
                connected.client,
                missing,
                references,
                built,
                contexts.archive(sources.files.items(), trust.ca_bundle(os.environ)),
                trust.proxy_arguments(os.environ),
                lambda name: show(f"  building the image of {name}"),
            )
