"""Resolve the digests of pinned images. Documentation: plugins/modules/images_lock.py."""

from ansible.plugins.action import ActionBase

from cloudlab import engine
from cloudlab.images import converge, lockfile, plan, registry

ARGUMENTS = {
    "images": {"type": "dict", "required": True},
    "registry_mirror": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        images, mirror = arguments["images"], arguments["registry_mirror"]
        try:
            answers = converge.ask_registries(list(lockfile.questions(images, mirror).values()))
            return result | {"changed": False, "lock": lockfile.made(images, mirror, answers)}
        except plan.ImagesError as error:
            return result | {"failed": True, "msg": "\n".join(error.problems)}
        except (engine.EngineError, registry.CredentialsError) as error:
            return result | {"failed": True, "msg": str(error)}
