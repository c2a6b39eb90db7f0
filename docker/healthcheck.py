#!/opt/usdx/bin/python
"""Ask a worker of this container for its pulse: `healthcheck PORT` exits 0 when every loop beats."""

import sys
import urllib.request

try:
    with urllib.request.urlopen(f"http://127.0.0.1:{int(sys.argv[1])}/healthz", timeout=3) as answer:
        sys.exit(0 if answer.status == 200 else 1)
except OSError:
    sys.exit(1)
