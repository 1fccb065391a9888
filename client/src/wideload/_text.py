"""Characters that names and ids must not contain."""

import re

# Controls, line and paragraph separators, and bidirectional controls, by which a name can be shown
# otherwise than it is stored: a name that reads "exe.txt" and ends in .exe.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# A byte of a path that isn't UTF-8, or half of a surrogate pair.
SURROGATE = re.compile(r"[\ud800-\udfff]")
