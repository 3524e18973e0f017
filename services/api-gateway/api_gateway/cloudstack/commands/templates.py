"""Templates: registered, listed, changed, prepared, deleted."""

from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.images.following import when_gone
from api_gateway.cloudstack.images.kinds import TEMPLATE
from api_gateway.cloudstack.images.living import Images
from api_gateway.cloudstack.images.making import create
from api_gateway.cloudstack.images.preparing import prepare
from api_gateway.cloudstack.images.shown import result
from api_gateway.cloudstack.jobs import when_ready

_TEMPLATES = Images(TEMPLATE)
COMMANDS = (
    Command(
        "registerTemplate",
        _TEMPLATES.register,
        missing="directdownload, projectid, extensionid, external details, TAR and metalink URLs",
    ),
    Command(
        "listTemplates",
        _TEMPLATES.list,
        missing="tags, isvnf, parents, categories and extensions are there none of",
    ),
    Command("updateTemplate", _TEMPLATES.update, missing="another format; sortkey orders nothing"),
    Command(
        "deleteTemplate",
        _TEMPLATES.delete,
        follow=when_gone,
        missing="a region-wide template is deleted from all zones only; volumes that stand on it "
        "keep what they need, with and without forced",
    ),
    Command("prepareTemplate", prepare),
    Command(
        "createTemplate",
        create,
        follow=when_ready,
        result=result,
        missing="of a volume on a primary pool, of a snapshot that stands on another one, of an "
        "instance",
    ),
)
