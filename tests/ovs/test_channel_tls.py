"""Switches over TLS, with keys and certificates made by ovs-pki: who has no right certificate is not let in."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from controller.openflow.events import Ready
from controller.runtime.channel import ListenError, Tls, listen
from tests.fakes.recorder import Recorder
from tests.unit.openflow.things import flow, put
from topologies.openvswitch import PrivateOvs


def pki(directory: Path, *arguments: str) -> None:
    """Run ovs-pki with an authority in this directory."""
    subprocess.run(
        ["ovs-pki", f"--dir={directory / 'pki'}", f"--log={directory / 'log'}", *arguments, "--force"],
        cwd=directory,
        check=True,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    pki(directory, "init")
    pki(directory, "req+sign", "ctl", "controller")
    pki(directory, "req+sign", "sw", "switch")
    return directory


def ours(directory: Path) -> Tls:
    return Tls(directory / "ctl-privkey.pem", directory / "ctl-cert.pem", directory / "pki" / "switchca" / "cacert.pem")


def test_a_bridge_connects_over_tls(empty_ovs: PrivateOvs, certificates: Path) -> None:
    async def scenario() -> None:
        recorder = Recorder()
        server = await listen("ssl:127.0.0.1:0", recorder, ours(certificates))
        empty_ovs.vsctl(
            "set-ssl",
            str(certificates / "sw-privkey.pem"),
            str(certificates / "sw-cert.pem"),
            str(certificates / "pki" / "controllerca" / "cacert.pem"),
        )
        empty_ovs.add_bridge("br1", dpid=1, controller=server.target)
        channel = await recorder.connected()
        changes = [put(flow(port)) for port in range(1, 5001)]
        assert (await recorder.push(channel, changes)).errors == []
        assert len((await recorder.read_back(channel)).installed) == 5000
        assert isinstance(recorder.readies[0], Ready)
        await server.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        ("without a certificate", "TLS: it shows no certificate"),
        ("with a certificate of the wrong authority", "TLS: its certificate is not signed by the authority that we trust"),
        ("without TLS", "TLS: it does not speak TLS"),
    ],
)
def test_others_are_not_let_in_and_it_is_said_why(certificates: Path, client: str, reason: str) -> None:
    async def scenario() -> None:
        recorder = Recorder()
        server = await listen("ssl:127.0.0.1:0", recorder, ours(certificates))
        context = None if client == "without TLS" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if context:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if "wrong" in client:
                context.load_cert_chain(certificates / "ctl-cert.pem", certificates / "ctl-privkey.pem")
        answer = b""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
            writer.write(b"\5\0\0\x10\0\0\0\1\0\1\0\x08\0\0\0\x30")
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
        except (ssl.SSLError, ConnectionError):
            pass
        assert answer == b""  # not even a hello
        assert not server.channels
        assert [told.startswith(reason) for told in recorder.reasons] == [True]
        await server.close()

    asyncio.run(scenario())


def test_what_is_missing_is_said(certificates: Path, tmp_path: Path) -> None:
    tls = ours(certificates)
    with pytest.raises(ListenError, match="needs --private-key, --certificate and --ca-cert"):
        asyncio.run(listen("ssl:127.0.0.1:0", Recorder()))
    with pytest.raises(ListenError, match=r"nowhere\.pem is not there"):
        asyncio.run(listen("ssl:127.0.0.1:0", Recorder(), Tls(tmp_path / "nowhere.pem", tls.certificate, tls.ca)))
    with pytest.raises(ListenError, match="are no certificate and its key"):
        asyncio.run(listen("ssl:127.0.0.1:0", Recorder(), Tls(certificates / "sw-privkey.pem", tls.certificate, tls.ca)))
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(ListenError, match="holds no certificate of an authority"):
        asyncio.run(listen("ssl:127.0.0.1:0", Recorder(), Tls(tls.private_key, tls.certificate, empty)))
