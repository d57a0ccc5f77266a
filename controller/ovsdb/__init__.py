"""Bridge provisioning: what is wanted of hypervisors, made true in their Open_vSwitch databases. The only importer of `ovs`.

    intents     what is wanted                         nodes       as the rows that it takes
    reconcile   the difference, one transaction        ownership   whose a row is
    idl         one connection, bounded work a turn    provision   a hypervisor: connect, compare, change, wait, tell

No asyncio here: whoever has an event loop calls `run` when `wait` asked for it. Only rows that we marked are changed or removed.
"""

import sys


def _import_without_eventlet() -> None:
    """`ovs.poller` imports eventlet where os-ken has brought it: that takes its time, warns of itself, and is of no use here."""
    if "eventlet" not in sys.modules:
        sys.modules["eventlet"] = None  # type: ignore[assignment]
        import ovs.poller

        del sys.modules["eventlet"]


_import_without_eventlet()
