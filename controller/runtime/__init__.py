"""The controller at work: sockets, the clock, threads and files. The only package that knows asyncio.

channel moves the bytes of a connection, control turns what bridges say into rows and events, dispatch hands them to
apps, sync brings bridges to what they should hold. loader and catalogue know the apps, store keeps rows, view answers
readers, wiring puts all of it together from Settings.
"""
