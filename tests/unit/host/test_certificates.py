from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bootstrap.host.certificates import (
    Validity,
    certificate_ends,
    end_of_certificate,
    first_certificate,
    validity_of,
)
from pki import keys
from pki.issue import certificate_pem, issue_authority
from pki.profile import Period


def certificate(end: datetime, algorithm: str = "ECDSA-P256") -> str:
    period = Period(datetime(2000, 1, 1, tzinfo=UTC), end)
    return certificate_pem(issue_authority("x", keys.generate(algorithm), period).certificate)


@pytest.mark.parametrize("year", [2027, 2049, 2050, 2120])
@pytest.mark.parametrize("algorithm", ["ECDSA-P256", "RSA-2048"])
def test_the_end_of_a_certificate(tmp_path: Path, year: int, algorithm: str) -> None:
    end = datetime(year, 2, 3, 4, 5, 6, tzinfo=UTC)
    path = tmp_path / "a.crt"
    path.write_text(
        f"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n{certificate(end, algorithm)}"
    )
    assert end_of_certificate(path) == end


def test_the_period_of_the_first_certificate_in_a_text() -> None:
    first, second = (certificate(datetime(year, 1, 1, tzinfo=UTC)) for year in (2030, 2040))
    found = validity_of(f"nothing\n{first}{second}")
    assert found == Validity(datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    assert first_certificate(f"nothing\n{first}{second}") == first.strip()
    assert first_certificate("nothing") == ""


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_has_no_end(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.crt"
    path.write_text(text)
    assert end_of_certificate(path) is None
    assert end_of_certificate(tmp_path / "none") is None


def test_all_certificates_below_directories(tmp_path: Path) -> None:
    end = datetime(2030, 1, 1, tzinfo=UTC)
    (tmp_path / "etcd").mkdir()
    for name in ("etcd/ca.crt", "b.pem", "c.key"):
        (tmp_path / name).write_text(certificate(end))
    assert certificate_ends((tmp_path, tmp_path, tmp_path / "none")) == {
        str(tmp_path / "b.pem"): end,
        str(tmp_path / "etcd/ca.crt"): end,
    }
