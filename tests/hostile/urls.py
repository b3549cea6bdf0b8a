"""Addresses that would make us call ourselves, our neighbours, or nobody in particular."""

from __future__ import annotations

# {port}: of a server on 127.0.0.1 and ::1 that must never hear of it.
LOOPBACK = """
127.0.0.1 127.1 127.0.1 127.127.127.127 127.0.0.2 2130706433 017700000001 0x7f000001 0x7f.1
0177.0.0.1 0x7F.0x0.0x0.0x1 0177.0x0.0.1 127.0x1 0 0.0.0.0 00 0x0 0.1 127.65535
00000177.0.0.1 127.000.000.001 [::] [::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1]
[0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1] [::7f00:1] [::ffff:0.0.0.0] [::ffff:0:127.0.0.1]
[64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::127.0.0.1] [2002:7f00:1::] [2002:7f00:1::1]
[2001:0:7f00:1::1] [2001::80ff:fffe] localhost LOCALHOST localhost. ①②⑦.⓪.⓪.① １２７.0.0.1
127。0。0。1 ⑯⑨.①
""".split()  # noqa: SIM905

INSIDE = """
10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.254 192.168.1.1 192.168.255.255 169.254.169.254
169.254.170.2 2852039166 0xA9FEA9FE 0251.0376.0251.0376 169.254.43518 100.64.0.1 100.127.255.255
100.100.100.200 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255 0.1.2.3 168.63.129.16 192.88.99.1 [::ffff:169.254.169.254]
[::ffff:a9fe:a9fe] [::ffff:10.0.0.1] [::ffff:192.168.0.1] [fd00:ec2::254] [fc00::1] [fdff::1]
[fe80::1] [fe80::a9fe:a9fe] [febf::1] [fec0::1] [ff02::1] [ff05::2] [64:ff9b::169.254.169.254]
[64:ff9b::a00:1] [64:ff9b:1::a9fe:a9fe] [2002:a9fe:a9fe::1] [2002:a00:1::1] [2001:db8::1]
[3fff::1] [100::1] [2001:10::1] [2001:20::1] [5f00::1] [::10.0.0.1] [::ffff:0:a00:1]
""".split()  # noqa: SIM905

WHOLE = [
    "http://user@127.0.0.1:{port}/a.jpg",
    "http://example.com@127.0.0.1:{port}/a.jpg",
    "http://example.com:80@127.0.0.1:{port}/a.jpg",
    "http://127.0.0.1:{port}@example.com/a.jpg",
    "http://example.com\\@127.0.0.1:{port}/a.jpg",
    "http://127.0.0.1:{port}\\.example.com/a.jpg",
    "http://127.0.0.1:{port}#@example.com/a.jpg",
    "http://127.0.0.1:{port}?http://example.com/a.jpg",
    "http://127.0.0.1:{port}/\r\nHost: example.com\r\n\r\n",
    "http://127.0.0.1\r\n:{port}/",
    "http://\t127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http://[::1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    "http://127.0.0%2e1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://[::1]extra:{port}/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:{port}{port}/",
    "http://127.0.0.1:６６/",
    "http://:{port}/",
    "http://",
    "http://?",
    "https://",
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "FILE:/etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_FLUSHALL",
    "dict://127.0.0.1:{port}/info",
    "ldap://127.0.0.1:{port}/",
    "jar:http://127.0.0.1:{port}!/",
    "netdoc:///etc/passwd",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "s3://bucket/key",
    "ws://127.0.0.1:{port}/",
    "about:blank",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "  http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\x00.jpg",
    "http://\ud83d.example/".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "http://" + "a" * 300 + ".example/",
    "http://" + "a." * 5_000 + "example/",
    "http://127.0.0.1:{port}/" + "a" * 9_000,
    "http://xn--/",
    "http://-/",
    "http://../",
    "http://*/",
    "http://[/",
    "http://]/",
    "http://[]/",
    "\u200bhttp://127.0.0.1:{port}/",
    "http://127.0.0.1\u2024{port}/",
]


def urls(port: int) -> list[str]:
    """Return all of them; those that have a place for it lead to that port of this machine."""
    return [
        *(f"http://{host}:{port}/a.jpg" for host in LOOPBACK),
        *(f"https://{host}:{port}/a.jpg" for host in LOOPBACK[:6]),
        *(f"http://{host}/latest/meta-data/" for host in INSIDE),
        *(url.replace("{port}", str(port)) for url in WHOLE),
    ]
