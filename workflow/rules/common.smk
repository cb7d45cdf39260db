"""The configuration, checked, and the names of all files."""

import json
import os
import shlex
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

if "APPTAINER" in {way.name for way in workflow.deployment_settings.deployment_method}:
    raise WorkflowError(
        "--sdm apptainer: no image is published; build one from the Dockerfile, or use --sdm conda"
    )

# Of this file and not of the command: the workflow may be a module of another one, or be named by
# `snakemake -s`.
HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)
if not Path(HERE).is_dir():
    raise WorkflowError(f"{HERE}: the workflow needs its whole repository; clone it, name its path")
ROOT = Path(HERE).parents[1]
if {"{", "}"} & set(HERE):
    raise WorkflowError(
        f"{ROOT}: Snakemake fills in what stands in braces; move it to another path"
    )
MAIN = workflow.modifier.is_main_snakefile()  # not a module of another workflow
OWN = MAIN and Path.cwd().resolve() == ROOT.resolve()
sys.path.insert(0, str(ROOT / "src"))
# For the jobs, whether or not the package is installed, and in conda environments too.
shell.prefix(f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(ROOT / 'src'))}; ")

from modecollapse.closure import closure, constant
from modecollapse.experiments.size import memory
from modecollapse.pipeline import configuration, owner
from modecollapse.pipeline.compute import module_name, settings_of
from modecollapse.store import StoreError


configfile: str(ROOT / "config.yaml")


# Read once more, strictly, with `--config` or a module's `config:` laid over it.
try:
    files = workflow.overwrite_configfiles if MAIN else []
    given = workflow.config_settings.config if MAIN else config
    if MAIN and workflow.is_main_process:
        configuration.check_words(sys.argv[1:])
    config = configuration.read(ROOT, files, given)
    MADE_FROM = owner.origin(ROOT, files, given)
    owner.check(Path(), config["name"], MADE_FROM)
except configuration.ConfigurationError as error:
    raise WorkflowError(str(error)) from None

# The default configuration writes to results/ and figures/, a named one below its name.
BELOW = "" if config["name"] == "default" else config["name"]
RESULTS, PICTURES, LOGS = (str(Path(top, BELOW)) for top in ("results", "figures", "logs"))

# figure -> table -> source -> settings, and the figure that each table belongs to
FIGURES = configuration.blocks(config)
EXPERIMENTS = configuration.experiments(config)
OWNER = {table: figure for figure, tables in FIGURES.items() for table in tables}
# (figure, source) -> the tables that one process computes, and those that it joins as well, having
# all that they consist of
SHARED = configuration.shared(config)
WHOLE = {
    table
    for (figure, _), tables in SHARED.items()
    for table in tables
    if len(FIGURES[figure][table]) == 1
}
# rule -> the small figures that it draws in one process
GROUPS = {
    f"figures_{number}": figures
    for number, figures in enumerate(configuration.drawn_together(config), 1)
}
GROUPED = {figure: name for name, figures in GROUPS.items() for figure in figures}


def parts(table):
    """The parts of a table: a file for each job of each of its sources."""
    return [
        f"{RESULTS}/parts/{table}/{source}-{job}.csv"
        for source, block in FIGURES[OWNER[table]][table].items()
        for job in range(block["jobs"])
    ]


def alone(source):
    """The tables whose parts from a source are jobs of their own."""
    return [
        table
        for table, figure in OWNER.items()
        if source in FIGURES[figure][table] and table not in SHARED.get((figure, source), [])
    ]


def together(figure, source, ending):
    """The files of the tables that a figure's process for a source computes."""
    tables = SHARED[figure, source]
    parts = [f"{RESULTS}/parts/{table}/{source}-0{ending}" for table in tables]
    return parts + [f"{RESULTS}/{table}{ending}" for table in tables if table in WHOLE]


def work(figure, source):
    """What that process computes, as one JSON text."""
    given = {
        table: {
            "experiment": EXPERIMENTS[table],
            "settings": without_jobs(FIGURES[figure][table][source]),
            "whole": table in WHOLE,
        }
        for table in SHARED[figure, source]
    }
    return json.dumps(given, sort_keys=True)


def one_of(names):
    """A pattern for these names, and for nothing where there are none."""
    return "|".join(names) or "(?!)"


def without_jobs(block):
    """What a block computes, and not by how many jobs."""
    return {name: value for name, value in block.items() if name != "jobs"}


def block(wildcards):
    """The block of config.yaml that a job computes."""
    return FIGURES[OWNER[wildcards.table]][wildcards.table][wildcards.source]


def settings(wildcards):
    """A job's settings as one JSON text: what it computes, and nothing else of config.yaml."""
    return json.dumps(without_jobs(block(wildcards)), sort_keys=True)


def jobs(wildcards):
    """The number of jobs that share the work of a block."""
    return block(wildcards)["jobs"]


def gpus(wildcards):
    """One GPU for the jobs whose settings ask for it."""
    return int('"device": "cuda"' in settings(wildcards))


def rank(figure):
    """The priority of a figure's jobs: figures come out one after another, in the paper's order."""
    return 10 * (len(FIGURES) - [*FIGURES].index(figure))


def priority(wildcards):
    """The priority of a table's jobs: its figure's."""
    return rank(OWNER[wildcards.table])


@cache
def estimate(table, source):
    """MB that a job of a block holds by its settings, and half as much again: it is an estimate."""
    block = FIGURES[OWNER[table]][table][source]
    return round(1.5e-6 * memory(settings_of(EXPERIMENTS[table], source, block)))


def growing(least, needed=lambda wildcards: 0):
    """A resource of which a job gets twice as much each time that it is tried again."""
    return lambda wildcards, attempt: max(least, needed(wildcards)) * 2 ** (attempt - 1)


def megabytes(least):
    """The memory of a job: what it is estimated to need, and no less than `least`."""
    return growing(least, lambda wildcards: estimate(wildcards.table, wildcards.source))


def pictures(figure):
    """The files of a figure, by kind."""
    stem = f"{PICTURES}/{figure}"
    names = {kind: f"{stem}.{kind}" for kind in ("pdf", "png")}
    return {
        **names,
        "caption": f"{stem}.rst",
        **{f"{k}_record": f"{n}.json" for k, n in names.items()},
    }


def reported(figure, place=""):
    """The files of a figure, the picture marked for the report with its claim and caption; where
    one job draws several, their names and the template of the caption end with the place."""
    files = pictures(figure)
    claim = constant(f"modecollapse.figures.{drawn_by(figure)}", "CLAIM")
    labels = {"figure": figure, "claim": claim}
    caption = f"../report/figure{place}.rst"
    files["png"] = report(files["png"], caption, "Figures", labels=labels)
    return {f"{kind}{place}": path for kind, path in files.items()}


def drawn_by(figure):
    """The module that draws a figure: fig3_mean_alignment is drawn by mean_alignment."""
    return figure.split("_", 1)[1]


def claimed(name):
    """Whether a figure's module has claims that are judged."""
    return (ROOT / "src" / "modecollapse" / "claims" / f"{name}.py").exists()


@cache
def file(path):
    """A file of the repository as Snakemake is to know it: in its own folder by a relative path, so
    that the folder can move; elsewhere, and in other workflows, by an absolute one."""
    return os.path.relpath(path, ROOT) if OWN else str(path)


@cache
def code(*modules):
    """The files that a job's result depends on; Snakemake compares their content."""
    return [file(path) for path in closure(*modules)]


def drawing(entry, *figures):
    """The code behind figures and their captions."""
    names = [drawn_by(figure) for figure in figures]
    claims = [f"modecollapse.claims.{name}" for name in names if claimed(name)]
    drawn = [f"modecollapse.figures.{name}" for name in names]
    return code(f"modecollapse.pipeline.{entry}", *drawn, *claims)


def computing(wildcards):
    """The code behind one part of a table."""
    entry = module_name(EXPERIMENTS[wildcards.table], wildcards.source)
    return code("modecollapse.pipeline.compute", entry)


def computing_together(figure, source):
    """The code behind the tables that share a process."""
    names = [module_name(EXPERIMENTS[table], source) for table in SHARED[figure, source]]
    return code("modecollapse.pipeline.together", *names)


# Tables that the report shows as they are: theory against its rivals.
SHOWN = [table for table in ("validation",) if table in OWNER]


def pages():
    """The pages of the report: tables to look at, the verification and the settings."""
    return [f"{RESULTS}/report/{name}.html" for name in [*SHOWN, "verification", "settings"]]


def with_tables(names, tables):
    """The words that tell a job which of its tables belong to which figure; `names` of the figures,
    each as the job is to know it."""
    tables = iter(tables)
    given = {name: [next(tables) for _ in FIGURES[figure]] for figure, name in names.items()}
    return [word for name, its in given.items() for word in ("--figure", name, *its)]


def judged(wildcards, input):
    """The figures and their tables, for the judge."""
    return with_tables({figure: figure for figure in FIGURES}, input.tables)


def stems(figures):
    """The figures and their tables, for the process that draws them all."""
    return lambda wildcards, input, output: with_tables(
        {f: output[f"pdf_{place}"].removesuffix(".pdf") for place, f in enumerate(figures, 1)},
        input.tables,
    )
