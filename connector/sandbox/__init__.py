"""Work on bytes from outside, in processes whose memory and time are limited.

`Pool.run` hands bytes to a function that is named as text (it is imported over there, so that no
wall of the house is crossed) and returns what it made of them. A file that needs too much, or
breaks the library that reads it, costs that process and gets an error; nobody else notices.
"""

from connector.sandbox.limits import Limits
from connector.sandbox.pool import Pool
from connector.sandbox.process import Answer, Broke, Refused, TooExpensive, Verdict

__all__ = ["Answer", "Broke", "Limits", "Pool", "Refused", "TooExpensive", "Verdict"]
