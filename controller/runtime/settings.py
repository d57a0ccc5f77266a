"""What a controller is started with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of `weft start`, checked; all but the state directory have the default that the command has."""

    state_dir: Path
    """Learned rows and the Unix socket of the API live here; made when absent."""

    listen: tuple[str, ...] = ("tcp:127.0.0.1:6653",)
    """Where bridges connect: `tcp:HOST:PORT`, `ssl:HOST:PORT` or `unix:/PATH`, an IPv6 host in brackets."""

    web: str = "127.0.0.1:8080"
    """Where the dashboard listens, `HOST:PORT`; empty for no TCP listener at all."""

    apps: tuple[str, ...] = ()
    """Names of installed apps and paths of `.py` files; empty means `l2_learning`."""

    foreign_flows: Literal["remove", "keep"] = "remove"
    """What happens to flows on a bridge that no app of ours wants."""

    private_key: Path | None = None
    certificate: Path | None = None
    ca: Path | None = None
    """PEM files for `ssl:` listeners: our key, our certificate, and the authority that signed the bridges'."""

    log_level: str = "info"
    log_format: Literal["console", "json"] = "console"

    app_config: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Fields of apps by app name: `{"l2_learning": {"max_hosts_per_port": 8}}`."""

    network_file: Path | None = None
    """The networks and their ports; read at start, and again on SIGHUP."""
