"""Exit 0 when a process answers /healthz: that of the address given, else the web process of this container."""

import http.client
import os
import sys
from urllib.parse import urlsplit

address = sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
parts = urlsplit(address)
connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=4)
try:
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
except OSError as error:
    sys.exit(f"{address} does not answer: {error}")
sys.exit(0 if status == 200 else f"{address} answers with {status}")
