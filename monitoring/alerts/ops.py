"""Chores that were forgotten."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

_BOARD = "usdx-platform"

GROUP = Group(
    "usdx-ops",
    (
        Alert(
            "BackupTooOld",
            "warning",
            "ops",
            "10m",
            f"time() - usdx_backup_last_success_timestamp_seconds > {limit.BACKUP_AGE_S}",
            "The backup of {{ $labels.target }} is {{ $value | humanizeDuration }} old",
            f"The last verified backup of {{{{ $labels.target }}}} is older than {limit.BACKUP_AGE_S // 3600} hours.",
            _BOARD,
        ),
        Alert(
            "CertificateExpiringSoon",
            "warning",
            "ops",
            "10m",
            f"usdx_tls_certificate_not_after_timestamp_seconds - time() < {limit.CERTIFICATE_LEFT_S}",
            "The certificate of {{ $labels.endpoint }} expires in {{ $value | humanizeDuration }}",
            f"The certificate served at {{{{ $labels.endpoint }}}} expires within "
            f"{limit.CERTIFICATE_LEFT_S // 86400} days.",
            _BOARD,
        ),
    ),
)
