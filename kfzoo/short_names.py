"""Every data module, source and renderer, so that a configuration can name it without its module: `BuiltinScripts`.

The parser finds a class by its bare name when the class has been imported, and no other class of its kind has that
name. Models and evaluators are imported with the callbacks that score them. A class outside the package keeps its full
class path. A new source is one line here.
"""

# ruff: noqa: F401  imported so that the parser finds them
from kfzoo.annotation.described import Described
from kfzoo.data.clip_datamodule import ClipDataModule
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.data.sources.everyday import EverydayDescriptions
from kfzoo.data.sources.express4d import Express4DFolder
from kfzoo.data.sources.image_folder import ImageFolder
from kfzoo.data.sources.image_pairs import ImageArkitPairs
from kfzoo.data.sources.jsonl import ScriptsJsonl
from kfzoo.data.sources.live_link import LiveLinkTakes
from kfzoo.data.sources.mixture import Mixture
from kfzoo.data.sources.rendered_faces import RenderedFaces
from kfzoo.data.sources.take_clips import TakeClips
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from kfzoo.rendering.mesh.mesh_faces import MeshFaces
