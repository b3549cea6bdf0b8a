"""Nobody makes us call an address inside, by whatever name or redirect."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, repeat
from typing import Any

import pytest
from fetching import STRICT, Serve, get, get_failure
from loopback import answer, redirect

from connector.errors import ColabelError, FetchFailed, ForbiddenAddress
from connector.fetch import check_url, get_bytes, post
from connector.settings import Settings

Names = dict[str, Iterator[list[str]]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Stand in for the DNS: a name's successive answers; everything else resolves as ever."""
    known: Names = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host not in known:
            return real(host, port, *args, **kwargs)
        found = [real(address, port, *args, **kwargs) for address in next(known[host])]
        return list(chain.from_iterable(found))

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


# --- addresses -------------------------------------------------------------------------------

HOSTILE = """
http://127.0.0.1:{port}/ http://127.1:{port}/ http://127.0.1:{port}/
http://127.127.127.127:{port}/ http://2130706433:{port}/ http://017700000001:{port}/
http://0x7f000001:{port}/ http://0x7f.1:{port}/ http://0177.0.0.1:{port}/ http://0x7F.0x0.0x0.0x1:{port}/
http://0177.0x0.0.1:{port}/ http://127.0x1:{port}/ http://0:{port}/ http://0.0.0.0:{port}/ http://00:{port}/
http://0x0:{port}/ http://[::]:{port}/ http://[::1]:{port}/ http://[0:0:0:0:0:0:0:1]:{port}/
http://[::ffff:127.0.0.1]:{port}/ http://[::ffff:7f00:1]:{port}/ http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/
http://[::127.0.0.1]:{port}/ http://[::ffff:0.0.0.0]:{port}/ http://localhost:{port}/
http://LOCALHOST:{port}/ https://127.0.0.1:{port}/ https://[::1]:{port}/
http://127.0.0.1:{port}/?http://example.com http://127.0.0.1:{port}/#@example.com
http://user@127.0.0.1:{port}/ http://example.com@127.0.0.1:{port}/ http://127.0.0.1:{port}@example.com/
http://example.com:80@127.0.0.1:{port}/ http://example.com\\@127.0.0.1:{port}/
http://127.0.0.1:{port}\\.example.com/ http://①②⑦.⓪.⓪.①:{port}/ http://１２７.0.0.1:{port}/
http://127。0。0。1:{port}/ http:127.0.0.1:{port}/ http:/127.0.0.1:{port}/
http:///127.0.0.1:{port}/ //127.0.0.1:{port}/ 127.0.0.1:{port} ftp://127.0.0.1:{port}/
gopher://127.0.0.1:{port}/_PING file://127.0.0.1/etc/passwd
http://169.254.169.254/latest/meta-data/ http://2852039166/ http://0xA9FEA9FE/ http://0251.0376.0251.0376/
http://169.254.43518/ http://[::ffff:169.254.169.254]/ http://[::ffff:a9fe:a9fe]/ http://[fd00:ec2::254]/
http://[64:ff9b::169.254.169.254]/ http://[64:ff9b::7f00:1]/ http://[64:ff9b:1::a9fe:a9fe]/
http://[2002:7f00:1::]/ http://[2002:a9fe:a9fe::1]/ http://[2001:0:7f00:1::1]/ http://[fe80::1]/
http://[fec0::1]/ http://[fc00::1]/ http://[ff02::1]/
http://10.0.0.1/ http://172.16.0.1/ http://192.168.1.1/ http://100.64.0.1/ http://100.100.100.200/
http://192.0.0.192/ http://198.18.0.1/ http://224.0.0.1/ http://240.0.0.1/ http://255.255.255.255/
http://0.1.2.3/ http://168.63.129.16/ http://[2001:db8::1]/ http://[3fff::1]/ http://[100::1]/
""".split()  # noqa: SIM905 (a list literal would be 90 lines)


CRLF = [
    "http://127.0.0.1:{port}/\r\nX: 1",
    "http://127.0.0.1\r\n:{port}/",
    "http://\t127.0.0.1:{port}/",
]


@pytest.mark.parametrize("form", HOSTILE + CRLF)
def test_no_form_of_an_inside_address_is_called_or_saved(form: str, serve: Serve) -> None:
    inside = serve(answer(b"secret"))
    url = form.format(port=inside.port)
    for call in (
        lambda: get_bytes(url, settings=STRICT, max_bytes=100, deadline=5),
        lambda: post(url, b"{}", {}, settings=STRICT, deadline=5),
        lambda: check_url(url, settings=STRICT),
    ):
        with pytest.raises(ColabelError) as caught:
            call()
        assert caught.value.code in ("forbidden_address", "invalid_url")
        assert caught.value.permanent
        assert "secret" not in caught.value.detail
    assert inside.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1.", "localhost.", "[::1%25lo]", "127.0.0%2e1"])
def test_forms_that_only_some_systems_resolve_are_not_called_either(
    host: str, serve: Serve
) -> None:
    inside = serve(answer(b"secret"))
    with pytest.raises(FetchFailed):
        get_bytes(f"http://{host}:{inside.port}/", settings=STRICT, max_bytes=100, deadline=5)
    assert inside.connections == 0


def test_the_refusal_is_the_same_whether_or_not_something_listens_there(serve: Serve) -> None:
    inside = serve(answer(b"secret"))
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        free_port = unused.getsockname()[1]
    details = set()
    for port in (inside.port, free_port):
        with pytest.raises(ForbiddenAddress) as caught:
            get_bytes(f"http://127.0.0.1:{port}/", settings=STRICT, max_bytes=100)
        details.add(caught.value.detail)
    assert len(details) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "100.64.0.1"])
def test_a_name_that_leads_inside_is_refused(address: str, names: Names, serve: Serve) -> None:
    inside = serve(answer(b"secret"))
    names["public.test"] = repeat([address])
    url = f"http://public.test:{inside.port}/"
    with pytest.raises(ForbiddenAddress):
        get_bytes(url, settings=STRICT, max_bytes=100)
    with pytest.raises(ForbiddenAddress):
        check_url(url, settings=STRICT)
    assert inside.connections == 0


def test_a_name_server_that_changes_its_answer_gains_nothing(names: Names, serve: Serve) -> None:
    # 127.0.0.2 plays the public address, so that the test needs no network.
    public_only = Settings(allow_private_addresses=["127.0.0.2"])
    public = serve(answer(b"public"), host="127.0.0.2")
    inside = serve(answer(b"secret"), port=public.port)
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])
    names["rebinding.test"] = answers
    url = f"http://rebinding.test:{public.port}/"
    assert get_bytes(url, settings=public_only, max_bytes=100).data == b"public"
    assert next(answers) == ["127.0.0.1"], "the name was looked up more than once"
    names["rebinding.test"] = iter([["127.0.0.1"]])
    with pytest.raises(ForbiddenAddress):
        get_bytes(url, settings=public_only, max_bytes=100)
    assert inside.connections == 0


def test_a_name_may_be_rebound_between_redirects_in_vain(names: Names, serve: Serve) -> None:
    public_only = Settings(allow_private_addresses=["127.0.0.2"])
    public = serve(redirect("/again"), host="127.0.0.2")
    inside = serve(answer(b"secret"), port=public.port)
    names["rebinding.test"] = iter([["127.0.0.2"], ["127.0.0.1"]])
    with pytest.raises(ForbiddenAddress):
        get_bytes(f"http://rebinding.test:{public.port}/", settings=public_only, max_bytes=100)
    assert (public.connections, inside.connections) == (1, 0)


def test_a_name_with_one_inside_address_is_refused_whole(names: Names, serve: Serve) -> None:
    public_only = Settings(allow_private_addresses=["127.0.0.2"])
    public = serve(answer(b"public"), host="127.0.0.2")
    names["mixed.test"] = repeat(["127.0.0.2", "127.0.0.1"])
    with pytest.raises(ForbiddenAddress):
        get_bytes(f"http://mixed.test:{public.port}/", settings=public_only, max_bytes=100)
    assert public.connections == 0


def test_the_next_address_is_tried_when_one_refuses(names: Names, serve: Serve) -> None:
    both = Settings(allow_private_addresses=["127.0.0.0/8"])
    server = serve(answer(b"second"), host="127.0.0.2")
    names["two.test"] = repeat(["127.0.0.3", "127.0.0.2"])
    url = f"http://two.test:{server.port}/"
    assert get_bytes(url, settings=both, max_bytes=100).data == b"second"


def test_an_exception_can_be_a_host_name_or_ipv6(names: Names, serve: Serve) -> None:
    named = Settings(allow_private_addresses=["minio.test", "::1"])
    server, six = serve(answer(b"four")), serve(answer(b"six"), host="::1")
    names["minio.test"] = repeat(["127.0.0.1"])
    assert (
        get_bytes(f"http://minio.test:{server.port}/", settings=named, max_bytes=9).data == b"four"
    )
    assert get_bytes(six.url, settings=named, max_bytes=9).data == b"six"
    with pytest.raises(ForbiddenAddress):
        get_bytes(server.url, settings=named, max_bytes=9)


def test_an_unknown_name_is_a_passing_failure_and_can_be_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    check_url("https://nowhere.test/hook", settings=STRICT)
    failure = get_failure("http://nowhere.test/")
    assert "no host nowhere.test" in failure.detail
    assert not failure.permanent


def test_proxies_and_credentials_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    proxy, server = serve(answer(b"proxy")), serve(answer(b"direct"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    assert get(server.url) == b"direct"
    assert proxy.connections == 0
