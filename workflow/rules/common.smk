"""The configuration, checked, and the names of all files."""

import json
import os
import shlex
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "src"))
# For the jobs, whether or not the package is installed, and in conda environments too.
shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(ROOT / 'src'))}; ")

from modecollapse.closure import closure
from modecollapse.pipeline import configuration
from modecollapse.pipeline.compute import module_name

try:
    config = configuration.load([ROOT / "config.yaml", *workflow.overwrite_configfiles])
    configuration.check(config, configuration.schema(ROOT / "workflow" / "schemas"))
except configuration.ConfigurationError as error:
    raise WorkflowError(str(error)) from None

# The default configuration writes to results/ and figures/, a named one below its name.
BELOW = "" if config["name"] == "default" else config["name"]
RESULTS, PICTURES, LOGS = (str(Path(top, BELOW)) for top in ("results", "figures", "logs"))

# figure -> table -> source -> settings, and the figure that each table belongs to
FIGURES = configuration.blocks(config)
EXPERIMENTS = configuration.experiments(config)
OWNER = {table: figure for figure, tables in FIGURES.items() for table in tables}


def parts(table):
    """The parts of a table: a file for each job of each of its sources."""
    return [
        f"{RESULTS}/parts/{table}/{source}-{job}.csv"
        for source, block in FIGURES[OWNER[table]][table].items()
        for job in range(block["jobs"])
    ]


def block(wildcards):
    """The block of config.yaml that a job computes."""
    return FIGURES[OWNER[wildcards.table]][wildcards.table][wildcards.source]


def settings(wildcards):
    """A job's settings as one JSON text: what it computes, and nothing else of config.yaml."""
    given = {name: value for name, value in block(wildcards).items() if name != "jobs"}
    return json.dumps(given, sort_keys=True)


def jobs(wildcards):
    """The number of jobs that share the work of a block."""
    return block(wildcards)["jobs"]


def gpus(wildcards):
    """One GPU for the jobs whose settings ask for it."""
    return int('"device": "cuda"' in settings(wildcards))


def growing(amount):
    """A resource of which a job gets twice as much each time that it is tried again."""
    return lambda wildcards, attempt: amount * 2 ** (attempt - 1)


def pictures(figure):
    """The files of a figure, by kind."""
    stem = f"{PICTURES}/{figure}"
    names = {kind: f"{stem}.{kind}" for kind in ("pdf", "png")}
    return {
        **names,
        "caption": f"{stem}.rst",
        **{f"{k}_record": f"{n}.json" for k, n in names.items()},
    }


def reported(figure):
    """The files of a figure, the picture marked for the report with its claim and caption."""
    files = pictures(figure)
    labels = {"figure": figure, "claim": CLAIMS.get(figure, drawn_by(figure).replace("_", " "))}
    caption = "../report/figure.rst"
    return {**files, "png": report(files["png"], caption, "Figures", labels=labels)}


def drawn_by(figure):
    """The module that draws a figure: fig3_mean_alignment is drawn by mean_alignment."""
    return figure.split("_", 1)[1]


def claimed(name):
    """Whether a figure's module has claims that are judged."""
    return (ROOT / "src" / "modecollapse" / "claims" / f"{name}.py").exists()


@cache
def code(*modules):
    """The files that a job's result depends on; Snakemake compares their content."""
    return [os.path.relpath(path, ROOT) for path in closure(*modules)]


def computing(wildcards):
    """The code behind one part of a table."""
    entry = module_name(EXPERIMENTS[wildcards.table], wildcards.source)
    return code("modecollapse.pipeline.compute", entry)


# Tables that the report shows as they are: theory against its rivals.
SHOWN = [table for table in ("validation",) if table in OWNER]


def pages():
    """The pages of the report: tables to look at, the verification and the settings."""
    return [f"{RESULTS}/report/{name}.html" for name in [*SHOWN, "verification", "settings"]]
