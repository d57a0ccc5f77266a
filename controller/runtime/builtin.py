"""The apps that are part of weft: always there, always on."""

from controller.topology.basis import Basis
from controller.topology.discovery import Discovery
from controller.topology.tunnels import Tunnels
from controller.topology.warmth import Warmth

BUILTIN = {cls.name: cls for cls in (Basis, Discovery, Tunnels, Warmth)}
