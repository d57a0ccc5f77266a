"""A whole controller from its settings: rows loaded, apps enabled, listeners and dashboard up, all of it down again in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

from controller import __version__
from controller.model import Network, Pipeline
from controller.openflow import osken
from controller.pipeline.stages import DEFAULT_NETWORK
from controller.runtime import logs, preflight
from controller.runtime.builtin import BUILTIN
from controller.runtime.catalogue import Catalogue
from controller.runtime.channel import ListenError, Tls, listen
from controller.runtime.chronicle import Chronicle
from controller.runtime.control import Control
from controller.runtime.hypervisors import Hypervisors
from controller.runtime.journal import Journal
from controller.runtime.networks import Networks
from controller.runtime.preflight import NotReadyError
from controller.runtime.provisioning import Provisioning, kept_owner, teller
from controller.runtime.settings import Settings
from controller.runtime.store import Store
from controller.runtime.token import kept_token
from controller.runtime.tunnelwatch import TunnelWatch
from controller.runtime.view import LiveView
from controller.state.engine import Engine
from controller.state.tables import Tx

SWITCH = 30e-6  # seconds that a thread of the dashboard holds up the event loop; a packet-in waits for it up to three times
SAVE_EVERY, SAVE_LATEST = 0.1, 3.0  # seconds until learned rows are written; the latter while more and more come
BURST = 100  # rows in SAVE_EVERY: what follows from them goes before what keeps them
SAVE_AGAIN = 5.0  # seconds until it is tried again where they could not be
SOCKET = "weft.sock"
MUST = ("vlan_isolation", "fabric")
SERVICES = (
    "virtual_address",
    "connections",
    "backend_hosts",
    "load_balancer",
    "connection_ends",
    "health_check",
    "backend_finder",
    "failover",
)
ALWAYS = (*MUST, "arp_responder", "nd_responder", "storm_guard", "tunnel_mesh", "strangers", *SERVICES)
OK, REFUSED = 0, 1


def run(settings: Settings) -> int:
    """Run a controller until SIGINT or SIGTERM. Gives an exit code; where it cannot start another than 0, with what is wrong."""
    logs.configure(settings.log_level, settings.log_format)
    sys.setswitchinterval(SWITCH)
    try:
        asyncio.run(_serve(settings))
    except NotReadyError as error:
        print(error, file=sys.stderr)
        return error.code
    except (ListenError, ValueError, OSError) as error:
        print(f"weft: {error}", file=sys.stderr)
        return REFUSED
    return OK


async def _serve(settings: Settings) -> None:
    stop = _stop_on_signals()  # first of all: who starts us may want to stop us at once
    engine, journal = Engine(), Journal()
    control = Control(engine, journal, remove_foreign=settings.foreign_flows == "remove")
    catalogue = Catalogue(control, settings.app_config)
    builtin = [catalogue.add_builtin(cls) for cls in BUILTIN.values()]
    names, file = preflight.check(settings, catalogue, tuple(dict.fromkeys((*ALWAYS, *(settings.apps or ("l2_learning",))))))
    osken.peer(osken.V14)  # imported now, so that the first bridge does not wait for it
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    store = Store(settings.state_dir)
    if store.problem:
        journal.add("error", "state.unreadable", str(store.path), store.problem)
    hypervisors = Hypervisors(kept_owner(settings.state_dir), teller(journal), _tls(settings))
    try:
        control.start()
        catalogue.configure(file.apps if file else {})
        _start_apps([*builtin, *names], catalogue, engine, store)
        networks = Networks(control, catalogue, Provisioning(hypervisors, settings.listen), settings.network_file)
        if file is not None:
            networks.apply(file, str(settings.network_file))
        servers = [await listen(target, control, _tls(settings)) for target in settings.listen]
        tunnels = TunnelWatch(control, hypervisors)
        view = LiveView(control, journal, catalogue, networks, tunnels, store, tuple(server.target for server in servers))
        with _web(settings, view) as url:
            _greet([s.target for s in servers], url)
            quiet_collector()
            await _until_stopped(stop, control, store, networks, tunnels)
            print("weft stops; bridges keep forwarding with the flows that they have", flush=True)
        for server in servers:
            await server.close("the controller stops")
        engine.run()
        store.save(engine.unsaved)
    finally:
        hypervisors.close()
        store.close()


def _start_apps(names: list[str], catalogue: Catalogue, engine: Engine, store: Store) -> None:
    """Rows first, so that apps see what was learned before; then the apps, then all rules at once."""
    tx = Tx(engine.tables)
    tx.put(Pipeline())
    tx.put(Network("default", DEFAULT_NETWORK))
    engine.commit(tx)
    catalogue.restore = partial(_put_kept, engine, store)
    catalogue.restore()
    for name in names:
        catalogue.run(name)
    engine.run()


def _put_kept(engine: Engine, store: Store) -> None:
    """Put the rows that survived, of the types known so far."""
    tx = Tx(engine.tables)
    for row in store.load():
        tx.put(row)
    engine.commit(tx)


def _tls(settings: Settings) -> Tls | None:
    if settings.private_key and settings.certificate and settings.ca:
        return Tls(settings.private_key, settings.certificate, settings.ca)
    return None


@contextlib.contextmanager
def _web(settings: Settings, view: LiveView) -> Iterator[str]:
    """The dashboard on TCP and the API on the state directory's socket, in threads."""
    from webui.app import create_app, serve
    from webui.auth import is_loopback

    host, _, port = settings.web.rpartition(":")
    socket_path = settings.state_dir / SOCKET
    token = kept_token(settings.state_dir) if host and not is_loopback(host) else None
    app = create_app(view, token=token)
    server: Any = serve(app, host=host.strip("[]") or None, port=int(port or 0), socket_path=socket_path)
    server.start()
    try:
        yield server.url if settings.web else ""
    finally:
        server.stop()


def _greet(targets: list[str], url: str) -> None:
    """The first lines that a person sees: where bridges connect, where the dashboard is, what to do next."""
    target = targets[0].replace("0.0.0.0", "ADDRESS-OF-THIS-HOST").replace("[::]", "ADDRESS-OF-THIS-HOST")
    print(f"weft {__version__} takes bridges on {', '.join(targets)}")
    print(f"dashboard  {url}" if url else "no dashboard (--web none)")
    print(f"connect a bridge:  ovs-vsctl set-controller BRIDGE {target}", flush=True)


def quiet_collector() -> None:
    """What lives as long as the controller is not looked at again; without this half of a bulk change is garbage collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _stop_on_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _until_stopped(stop: asyncio.Event, control: Control, store: Store, networks: Networks, tunnels: TunnelWatch) -> None:
    loop = asyncio.get_running_loop()
    if networks.file_given and threading.current_thread() is threading.main_thread():
        loop.add_signal_handler(signal.SIGHUP, networks.reread)
    chronicle = Chronicle(control.engine, control.journal)
    forever = control.sweep(), tunnels.watch(), chronicle.follow(), _save(control.engine, store, control.journal)
    tasks = [loop.create_task(task) for task in forever]
    stopped = loop.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, stopped):
        task.cancel()
    await asyncio.gather(*tasks, stopped, return_exceptions=True)
    for task in done - {stopped}:
        task.result()  # a background task never ends by itself: let its error be seen


async def _save(engine: Engine, store: Store, journal: Journal) -> None:
    """Write learned rows behind, in a thread of their own."""
    some = asyncio.Event()
    engine.to_save = some.set
    while True:
        if not engine.unsaved:
            some.clear()
            await some.wait()
        await _lull(engine)
        if engine.unsaved:
            changes, engine.unsaved = engine.unsaved, {}
            saving = asyncio.ensure_future(asyncio.to_thread(store.save, changes))
            try:
                await asyncio.shield(saving)
            except asyncio.CancelledError:  # the controller stops: what is about to be written is, and nothing later before it
                await asyncio.wait([saving])
                if saving.exception() is not None:
                    engine.unsaved = changes | engine.unsaved
                raise
            except OSError as error:
                engine.unsaved = changes | engine.unsaved
                journal.add("error", "state.unwritable", str(store.path), f"{error}; what was learned is lost if weft stops now")
                await asyncio.sleep(SAVE_AGAIN)


async def _lull(engine: Engine) -> None:
    """Until rows are to be written: soon, in a burst when that is over or has lasted long."""
    for _ in range(round(SAVE_LATEST / SAVE_EVERY)):
        before = len(engine.unsaved)
        await asyncio.sleep(SAVE_EVERY)
        if len(engine.unsaved) - before < BURST:
            return
