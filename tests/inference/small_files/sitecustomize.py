"""Python reads this where the folder is on its path: no file may grow past a size, as if the disk were full."""

import resource
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails instead
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
