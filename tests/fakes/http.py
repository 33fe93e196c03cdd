"""HTTP answers by address, without a network."""

from __future__ import annotations

from collections.abc import Callable

from bootstrap.host.http import HttpReply, HttpRequest, NoAnswerError

Answer = Callable[[HttpRequest], HttpReply]


class FakeHttp:
    """Nobody answers until the test says so. ``requests`` has every request in order."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self._answers: dict[int, Answer] = {}
        self._health: dict[tuple[int, str], str] = {}

    def serve(self, port: int, answer: Answer | HttpReply) -> None:
        """From now on requests to this port are answered, on any address."""
        self._answers[port] = answer if callable(answer) else lambda _request: answer

    def close(self, port: int) -> None:
        self._answers.pop(port, None)

    def serve_health(self, port: int, service: str, says: str) -> None:
        """From now on a gRPC server on this port says this of a service."""
        self._health[port, service] = says

    def health(self, host: str, port: int, service: str, timeout: float) -> str:
        if (port, service) not in self._health:
            raise NoAnswerError("connection refused")
        return self._health[port, service]

    def fetch(self, request: HttpRequest) -> HttpReply:
        self.requests.append(request)
        answer = self._answers.get(request.port)
        if answer is None:
            raise NoAnswerError("connection refused")
        return answer(request)

    def connect(self, host: str, port: int, timeout: float) -> None:
        if port not in self._answers:
            raise NoAnswerError("connection refused")
