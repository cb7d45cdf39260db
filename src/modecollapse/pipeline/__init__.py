"""The workflow's side: configuration, jobs, records, verification, progress and the command."""
