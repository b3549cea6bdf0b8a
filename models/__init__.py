"""Image classification: pictures in, labels with honest confidence out. Nothing of the service."""

import os

# Read by the OpenMP library when torch loads it. Its threads spin at every barrier by default; on
# two cores that others use too, a training step then took four times as long (434 against 111 ms).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
