"""Desired state: rows in, the flows that should exist out, and the smallest change that gets a bridge there.

Pure: no clock, no socket, no asyncio. Imports `model` and `pipeline`. Apps reach it by `controller.app` only.
tables -> rows and transactions; reader -> tracked reads; engine -> reruns rules; desired -> flows by slot, owner
and scope; reconcile -> the difference to what a bridge holds; status -> what became of a row.
"""
