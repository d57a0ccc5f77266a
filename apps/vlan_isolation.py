"""Networks and their ports: a frame that enters by an edge port belongs to the port's network, and leaves only by its ports.

With no network file there is one network, `default`, and every edge port is in it without a tag.
"""

from controller.app import App, derives, rules
from controller.model import Attachment, Network, PortRole
from controller.pipeline import CLASSIFY, EGRESS, NEXT, load, output


class VlanIsolation(App, stages=(CLASSIFY, EGRESS)):
    """Keeps networks apart: which port belongs to which."""

    @derives(each=PortRole)
    def attach(self, role):
        if role.role == "edge":
            yield Attachment(role.bridge, role.port, "default")

    @rules(each=Attachment)
    def pass_in_and_out(self, at, rows):
        number = rows.value(Network, at.network, field="number")
        yield CLASSIFY.flow(load("network", number), NEXT, in_port=at.port, why=f"a port of {at.network}")
        yield EGRESS.flow(output(at.port), out_port=at.port, network=number, why=f"a port of {at.network}")
