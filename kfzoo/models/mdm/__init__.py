"""Express4D-MDM, the motion diffusion model that KeyframeFace compares itself with, in one folder."""

from kfzoo.models.mdm.clips import ClipMDM
from kfzoo.models.mdm.keyframes import KeyframeMDM

__all__ = ["ClipMDM", "KeyframeMDM"]
