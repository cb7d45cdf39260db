"""The flow of both means along μ*, and its fixed points."""
