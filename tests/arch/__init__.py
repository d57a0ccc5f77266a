"""The shape of the code, held by tests: who imports whom, how long things get, what must not be in it."""
