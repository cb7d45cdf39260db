"""The workflow's side: configuration, jobs, records, verification, progress and the command."""

import os

# numpy reads it when some of its parts are imported, and fails where it is no date; builds of a
# distribution set it, and nothing here bears one.
os.environ.pop("SOURCE_DATE_EPOCH", None)
