"""Make an image of each service. Documentation: plugins/modules/service_images.py."""

import os
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from cloudlab import engine
from cloudlab.ansible import modes
from cloudlab.compose import placeholders
from cloudlab.images import trust
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
        wanted = service_images.references(arguments["instance"], sources, built)
        try:
            absent, causes = self._converge(sources, wanted, built)
        except (engine.EngineError, trust.TrustError, OSError) as error:
            raise AnsibleActionFail(str(error)) from None
        return result | {
            "changed": bool(absent),
            "images": {name: reference for name, reference in wanted.items() if name not in causes},
            "built": sorted(set(absent) - set(causes)),
            "failures": causes,
        }

    def _describe(self, instance, platform, built, task_vars):
        """Compose builds them by itself, and knows when: their names need not say what they are made of."""
        source = (ROOT / platform).resolve()
        if not source.is_relative_to(ROOT):
            raise AnsibleActionFail(
                f"PLATFORM_SRC is {source}; Docker Compose builds images from a folder below {ROOT}."
            )
        places = {"SOURCE": source, "MODULES": source, "RELOAD": RELOAD, "RECIPE": RECIPE}
        common = {name: str(path.relative_to(ROOT)) for name, path in places.items()}
        common |= {name: placeholders.variable(name) for name in trust.PROXY_VARIABLES}
        images = {name: service_images.repository(instance, name) for name in built}
        told = modes.describe(task_vars, images={images[name]: common | own for name, own in built.items()})
        return told | {"images": images, "built": [], "failures": {}}

    def _converge(self, sources, wanted, built):
        """(services whose image was missing, service -> why it could not be built)"""
        connected = engine.connect(timeout=service_images.SILENCE_SECONDS)
        try:
            absent = service_images.missing(connected.client, wanted)
            if not absent or self._task.check_mode:
                return absent, {}
            context = service_images.archive(sources, trust.ca_bundle(os.environ))
            proxies = trust.proxy_arguments(os.environ)
            show = Display().display
            return absent, service_images.build(
                connected.client,
                absent,
                wanted,
                built,
                context,
                proxies,
                lambda name: show(f"  building the image of {name}"),
            )
        finally:
            connected.close()
