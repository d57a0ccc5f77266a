"""Apps: what weft does with frames. One file an app, each of which a newcomer can read.

An app imports `controller.app`, `controller.model`, `controller.pipeline` and `controller.packet`, nothing else.
They are found by the entry-point group `weft.apps`, or given as a file: `weft start --app ./mine.py`.
"""
