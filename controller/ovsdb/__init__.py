"""Bridge provisioning: what is wanted of hypervisors, made true in their Open_vSwitch databases. The only importer of `ovs`.

    intents     what is wanted                         nodes       as the rows that it takes
    reconcile   the difference, one transaction        ownership   whose a row is
    idl         one connection, bounded work a turn    provision   a hypervisor: connect, compare, change, wait, tell

No asyncio here: whoever has an event loop calls `run` when `wait` asked for it. Only rows that we marked are changed or removed.
"""
