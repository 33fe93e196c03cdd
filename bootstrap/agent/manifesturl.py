"""Fetching a manifest from a URL: what is asked for, with which headers, and what counts as an answer.

Invariants: a header, which may be a secret, is sent to the host it is for and to no other, and never shown;
only status 200 with a whole body is an answer; all of it ends within ``TIMEOUT_SECONDS``.
"""

from __future__ import annotations

import base64
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from bootstrap.agent.manifest import MAX_BYTES, ManifestError, refuse_oversize
from bootstrap.errors import ConfigError
from bootstrap.host.clock import Clock
from bootstrap.host.http import HttpClient, HttpReply, HttpRequest
from bootstrap.model.manifestaddress import PORTS, can_be_fetched

TIMEOUT_SECONDS = 10.0
MAX_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ManifestUrl:
    """``header_file`` has further headers, a line each; it is read anew each time. ``period`` in seconds."""

    url: str
    headers: Headers = ()
    header_file: Path | None = None
    period: float = 20.0

    @property
    def shown(self) -> str:
        """Without what may be secret: user, password and query."""
        return _shown(urlsplit(self.url))


def manifest_url(
    url: str, headers: tuple[str, ...] = (), header_file: Path | None = None, period: float = 20.0
) -> ManifestUrl:
    """From the words of a command line; ``headers`` as a kubelet takes them: ``name:value``, several
    with commas between. Raises ConfigError."""
    if not can_be_fetched(url):
        raise ConfigError(
            "the manifest URL is none that can be fetched", remedy="give http://HOST/... or https://HOST/..."
        )
    given = tuple(_header(word, "--manifest-url-header") for text in headers for word in text.split(","))
    return ManifestUrl(url, given, header_file, period)


def download(at: ManifestUrl, http: HttpClient, clock: Clock) -> bytes:
    """The body. Raises ManifestError, NoAnswerError."""
    deadline = clock.monotonic() + TIMEOUT_SECONDS
    target = urlsplit(at.url)
    headers = (*at.headers, *_headers_of_file(at.header_file), *_credentials(target))
    for _ in range(MAX_REDIRECTS):
        reply = http.fetch(_request(target, headers, max(0.001, deadline - clock.monotonic())))
        if reply.status not in REDIRECTS or not reply.location:
            return _accepted(reply)
        location = urljoin(target.geturl(), reply.location)
        if not can_be_fetched(location):
            raise ManifestError("redirects to what cannot be fetched")
        following = urlsplit(location)
        if target.scheme == "https" and following.scheme != "https":
            raise ManifestError(f"redirects from https to {_shown(following)}: refused")
        if _origin(following) != _origin(target):
            headers = ()
        target = following
    raise ManifestError(f"stopped after {MAX_REDIRECTS} redirects")


def _accepted(reply: HttpReply) -> bytes:
    if reply.status != 200:
        raise ManifestError(f"answers with HTTP status {reply.status}")
    refuse_oversize(reply.body)
    if not reply.complete:
        raise ManifestError("breaks its answer off")
    return reply.body


def _request(target: SplitResult, headers: Headers, timeout: float) -> HttpRequest:
    path = target.path or "/"
    request = HttpRequest(
        host=target.hostname or "",
        port=target.port or PORTS[target.scheme],
        path=f"{path}?{target.query}" if target.query else path,
        scheme=target.scheme,
        headers=headers,
        timeout=timeout,
        system_trust=target.scheme == "https",
        max_body=MAX_BYTES + 1,
    )
    return (
        request if _names(headers) & {"accept"} else replace(request, headers=(*headers, ("Accept", "*/*")))
    )


def _headers_of_file(path: Path | None) -> Headers:
    """One ``Name: value`` on each line; empty lines and those that begin with # do not count.

    A file that everybody may read is not used, as its headers may be secrets.
    """
    if path is None:
        return ()
    try:
        if path.stat().st_mode & stat.S_IROTH:
            raise ManifestError(f"its headers in {path} can be read by everybody: chmod 600 {path}")
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"its headers in {path} cannot be read: {error}") from error
    try:
        return tuple(_header(line, str(path)) for line in lines if line.strip() and not line.startswith("#"))
    except ConfigError as error:
        raise ManifestError(error.message) from error


def _header(text: str, where: str) -> tuple[str, str]:
    """The value is not repeated in the error: it may be a secret."""
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    is_token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    if not colon or not is_token or not value.isprintable():
        raise ConfigError(
            f"{where} has a header that is not name:value", remedy="write X-Token:abc, for example"
        )
    return name, value


def _credentials(target: SplitResult) -> Headers:
    if target.username is None:
        return ()
    pair = f"{unquote(target.username)}:{unquote(target.password or '')}"
    return (("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),)


def _names(headers: Headers) -> set[str]:
    return {name.lower() for name, _value in headers}


def _origin(target: SplitResult) -> tuple[str, str | None, int]:
    return target.scheme, target.hostname, target.port or PORTS[target.scheme]


def _shown(target: SplitResult) -> str:
    host = target.netloc.rpartition("@")[2]
    return f"{target.scheme}://{host}{target.path}"
