"""The dashboard and the REST API: Flask over a `controller.query.View`, served by waitress.

Everything here reads immutable views and changes nothing but the state of an app. It imports `controller.query`
and what it is handed, never the rest of the controller. The dashboard itself is TypeScript in `frontend/`, built
into `static/`.
"""
