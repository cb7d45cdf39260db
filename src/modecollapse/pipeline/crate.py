"""A finished run as a research object: ``ro-crate-metadata.json``, by RO-Crate 1.1.

Each table and picture is a file with its digest, and the action that made it: by which code, from
which files, in how many seconds.  All of it is taken from the records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..store import write_bytes
from . import configuration
from .owner import folder
from .records import Record, read_record

__all__ = ["crate", "entities"]

NAME = "ro-crate-metadata.json"
SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
PAPER = "https://arxiv.org/abs/2410.13300"
FORMATS = {".csv": "text/csv", ".pdf": "application/pdf", ".png": "image/png", ".yaml": "text/yaml"}


def crate(root: Path, config: Mapping[str, Any]) -> Path:
    """Write the metadata of a configuration's outputs to the folder `root`; returns the file.

    Raises
    ------
    StoreError : naming a file that has not been made, or has no record.
    """
    graph = [*entities(root, config)]
    whole = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    write_bytes(root / NAME, (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode())
    return root / NAME


def entities(root: Path, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the metadata describes, each thing once."""
    made = [*_outputs(root, config)]
    records = {path: read_record(root / path) for path in made}
    inputs = {path for record in records.values() for path in record.inputs} - records.keys()
    records |= {path: read_record(root / path) for path in sorted(inputs)}
    files = ["Snakefile", "config.yaml", *records]
    yield {
        "@id": NAME,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    yield {
        "@id": "./",
        "@type": "Dataset",
        "name": f"modecollapse, configuration {config['name']}",
        "description": "Tables and figures on mode collapse in variational inference.",
        "datePublished": datetime.now(UTC).date().isoformat(),
        "license": {"@id": "https://spdx.org/licenses/MIT"},
        "citation": {"@id": PAPER},
        "mainEntity": {"@id": "Snakefile"},
        "hasPart": [{"@id": path} for path in files],
        "mentions": [{"@id": f"#making/{path}"} for path in records],
    }
    yield from _context(config)
    for path, record in records.items():
        yield _file(root, path, record)
        yield _action(path, record)


def _outputs(root: Path, config: Mapping[str, Any]) -> Iterator[str]:
    """The tables and pictures of a configuration, relative to `root`."""
    results, figures = (folder(root, top, config["name"]) for top in ("results", "figures"))
    for figure, tables in configuration.blocks(config).items():
        for table in tables:
            yield str((results / f"{table}.csv").relative_to(root))
        for kind in ("pdf", "png"):
            yield str((figures / f"{figure}.{kind}").relative_to(root))
    yield str((results / "claims.csv").relative_to(root))


def _context(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The workflow, its settings, its software, and the paper."""
    yield {
        "@id": "Snakefile",
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "modecollapse",
        "version": __version__,
        "programmingLanguage": {"@id": SNAKEMAKE},
    }
    yield {
        "@id": SNAKEMAKE,
        "@type": "ComputerLanguage",
        "name": "Snakemake",
        "url": "https://snakemake.github.io",
    }
    yield {
        "@id": "config.yaml",
        "@type": "File",
        "name": f"settings; those of this run are {config['name']}",
        "encodingFormat": FORMATS[".yaml"],
    }
    yield {"@id": "https://spdx.org/licenses/MIT", "@type": "CreativeWork", "name": "MIT License"}
    yield {"@id": PAPER, "@type": "ScholarlyArticle", "name": "The paper whose theory this is"}


def _file(root: Path, path: str, record: Record) -> dict[str, Any]:
    return {
        "@id": path,
        "@type": "File",
        "name": Path(path).stem,
        "encodingFormat": FORMATS[Path(path).suffix],
        "contentSize": str((root / path).stat().st_size),
        "sha256": record.sha256,
    }


def _action(path: str, record: Record) -> dict[str, Any]:
    """The job that made a file."""
    return {
        "@id": f"#making/{path}",
        "@type": "CreateAction",
        "name": f"{record.modules[0]}, {record.seconds:g} s on {record.device}",
        "description": f"commit {record.commit}, code {record.code_digest}, {record.machine}",
        "instrument": {"@id": "Snakefile"},
        "object": [{"@id": name} for name in [*record.inputs, "config.yaml"]],
        "result": {"@id": path},
    }
