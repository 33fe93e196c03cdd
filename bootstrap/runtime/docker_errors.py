"""What a Docker Engine says when it refuses, as our errors. Pure: it knows words, not the client."""

from __future__ import annotations

import re

from bootstrap.runtime.api import EngineError, NameConflictError, NoSuchContainerError, NoSuchImageError

_CONFLICT_HOLDER = re.compile(r'by container "?([0-9a-f]{64})"?')

NO_ANSWER = "it accepts connections but does not answer them"


def engine_error(status: int, explanation: str) -> EngineError:
    """The engine's refusal (HTTP status, its own words) as the error that says what is missing or taken."""
    message = explanation.strip().removeprefix("Error response from daemon: ")
    lower = message.lower()
    if status == 404 and "no such container" in lower:
        return NoSuchContainerError(message)
    if "no such image" in lower or "reference does not exist" in lower:
        return NoSuchImageError(message)
    if status == 409 and "is already in use" in lower:
        holder = _CONFLICT_HOLDER.search(message)
        return NameConflictError(message, holder[1] if holder else "")
    return EngineError(message)


def innermost(error: BaseException) -> str:
    """The reason the kernel gave, from below the layers of the HTTP client."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        if isinstance(seen, TimeoutError):
            return NO_ANSWER
        wrapped = (*seen.args, getattr(seen, "reason", None), seen.__cause__, seen.__context__)
        seen = next((each for each in wrapped if isinstance(each, BaseException)), None)
    return str(error)
