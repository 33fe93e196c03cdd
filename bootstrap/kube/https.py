"""The API client over HTTPS: few kept-alive connections, authenticated by a client certificate.

Invariant: the server is always verified against the kubeconfig's CA, and the client's key never lies on disk
(OpenSSL wants a file: it gets one in memory).
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bootstrap.errors import BootstrapError
from bootstrap.kube.client import (
    ApiError,
    ApiUnreachableError,
    ConflictError,
    ForbiddenError,
    JsonObject,
    NotFoundError,
)
from bootstrap.kube.kubeconfig import Kubeconfig
from bootstrap.kube.lines import ResponseLines

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, HTTPSConnectionPool, Timeout

TIMEOUT = 10.0
"""Seconds for one request, connecting included."""

_ERRORS: dict[int, type[ApiError]] = {
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
}


_SHOWN_CHECKS = 3
"""Of those that fail: a server that has just started fails more than a dozen."""


class ServerNotTrustedError(BootstrapError):
    """What answers has no certificate this kubeconfig trusts: another cluster's, or the clock is wrong."""


class HttpsApiClient:
    """A client with a kubeconfig's identity; opens a connection more only while all are in use."""

    parallel = 4
    """More would not make anything faster: the server writes to one disk."""

    def __init__(self, kubeconfig: Kubeconfig, *, timeout: float = TIMEOUT) -> None:
        self._kubeconfig = kubeconfig
        self._timeout = timeout
        self._tls = client_tls(kubeconfig)
        self._pool = self._new_pool()

    def get(self, path: str, query: Mapping[str, str] = {}) -> JsonObject:
        return self._json("GET", _with_query(path, query))

    def get_text(self, path: str, query: Mapping[str, str] = {}) -> str:
        return self.get_bytes(path, query).decode(errors="replace")

    def get_bytes(self, path: str, query: Mapping[str, str] = {}) -> bytes:
        return self._send("GET", _with_query(path, query)).data

    def watch(self, path: str, query: Mapping[str, str], silence: float) -> ResponseLines:
        import urllib3

        waiting = urllib3.Timeout(connect=self._timeout, read=silence)
        reply = self._send("GET", _with_query(path, {**query, "watch": "1"}), stream=waiting)
        return ResponseLines(reply, self._unreachable)

    def create(self, path: str, body: JsonObject) -> JsonObject:
        return self._json("POST", path, body)

    def replace(self, path: str, body: JsonObject) -> JsonObject:
        return self._json("PUT", path, body)

    def patch(
        self, path: str, body: object, content_type: str = "application/strategic-merge-patch+json"
    ) -> JsonObject:
        return self._json("PATCH", path, body, content_type)

    def delete(self, path: str, body: JsonObject | None = None) -> None:
        self._send("DELETE", path, body)

    def close(self) -> None:
        """Close the connections; the client may still be used."""
        self._pool.close()
        self._pool = self._new_pool()

    def _new_pool(self) -> HTTPSConnectionPool:
        import urllib3

        return urllib3.HTTPSConnectionPool(
            self._kubeconfig.host,
            self._kubeconfig.port,
            maxsize=self.parallel,
            block=True,
            retries=False,
            ssl_context=self._tls,
            headers={"Accept": "application/json", "User-Agent": "podstrap"},
        )

    def _json(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> JsonObject:
        value = json.loads(self._send(method, path, body, content_type).data)
        assert isinstance(value, dict)
        return value

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "application/json",
        stream: Timeout | None = None,
    ) -> BaseHTTPResponse:
        """``stream``: its body is read later, with these limits."""
        import urllib3

        try:
            reply = self._pool.request(
                method,
                path,
                body=None if body is None else json.dumps(body).encode(),
                headers={**self._pool.headers, "Content-Type": content_type},
                timeout=stream or self._timeout,
                preload_content=stream is None,
            )
            if reply.status < 300:
                return reply
            raise api_error(reply.status, reply.data)
        except urllib3.exceptions.SSLError as error:
            raise self._tls_failure(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> ApiUnreachableError:
        return ApiUnreachableError(
            f"the API server at {self._kubeconfig.server} does not answer: {_reason(error)}"
        )

    def _tls_failure(self, error: Exception) -> BootstrapError:
        if not isinstance(error.args[0] if error.args else None, ssl.SSLCertVerificationError):
            return ApiUnreachableError(
                f"the API server at {self._kubeconfig.server} broke off the TLS handshake: {_reason(error)}"
            )
        return ServerNotTrustedError(
            f"the certificate of what answers at {self._kubeconfig.server} is refused: {_reason(error)}",
            remedy=f"see who listens (ss -ltnp 'sport = :{self._kubeconfig.port}') and the clock (date)",
        )


def client_tls(kubeconfig: Kubeconfig) -> ssl.SSLContext:
    """TLS that trusts the kubeconfig's CA alone and shows its client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{kubeconfig.certificate}\n{kubeconfig.key.reveal()}".encode())
        context.load_verify_locations(cadata=kubeconfig.ca)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except ssl.SSLError as error:
        raise BootstrapError(
            f"the certificates of user {kubeconfig.user} cannot be used: {error.reason or error}",
            remedy="make them anew: bootstrap init phase kubeconfig",
        ) from error
    finally:
        os.close(descriptor)
    return context


def api_error(status: int, body: bytes) -> ApiError | ApiUnreachableError:
    """The error for a status of 300 or more; the message is the server's own where it sent one."""
    message = _message(body) or f"HTTP status {status}"
    if status == 429 or status >= 500:
        return ApiUnreachableError(f"the API server is not ready: {message}")
    return _ERRORS.get(status, ApiError)(message, status=status)


def _message(body: bytes) -> str:
    try:
        value: Any = json.loads(body)
    except ValueError:
        return _failed_checks(body.decode(errors="replace"))
    return str(value.get("message", "")) if isinstance(value, dict) else ""


def _failed_checks(text: str) -> str:
    """The checks of a /readyz answer that failed, else the beginning of the text."""
    failed = [line[3:].partition(" ")[0] for line in text.splitlines() if line.startswith("[-]")]
    more = len(failed) - _SHOWN_CHECKS
    shown = ", ".join(failed[:_SHOWN_CHECKS])
    return f"{shown} and {more} more" if more > 0 else shown or text[:500].strip()


def _with_query(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _reason(error: Exception) -> str:
    """The innermost cause, which is the one that says something."""
    cause: BaseException = error
    while inner := next((each for each in cause.args if isinstance(each, BaseException)), cause.__cause__):
        cause = inner
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, TimeoutError):
        return "it accepts connections but does not answer them"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(cause)
