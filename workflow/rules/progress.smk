"""While the workflow runs, the terminal tells about how long the rest will take."""

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from modecollapse.pipeline.progress import Expectation, Progress
from modecollapse.pipeline.scheduler import lighten


def say(line):
    """A line on the terminal; `--quiet` hides it, as it hides Snakemake's count of steps."""
    logger.info(line, extra={"quietness": Quietness.PROGRESS})


SHARING = {f"{source}_{figure}": (figure, source) for figure, source in SHARED}


def expected(job, expectation):
    """The seconds that a job will take."""
    if job.rule.name in SHARING:
        figure, source = SHARING[job.rule.name]
        return expectation.together(SHARED[figure, source], source)
    given = job.wildcards_dict
    if "source" not in given:
        return expectation.seconds()
    return expectation.seconds(given["table"], given["source"], block(job.wildcards)["jobs"])


onstart:
    try:
        owner.mark(Path(), config["name"], MADE_FROM)
    except StoreError as error:
        raise WorkflowError(str(error)) from None
    lighten(workflow.scheduler)
    expectation = Expectation(ROOT / "reference", config["name"])
    jobs_to_run = [*workflow.dag.needrun_jobs()]
    drawn = {GROUPED.get(figure, figure): figure for figure in reversed(FIGURES)}
    drawing = {job.rule.name: job.jobid for job in jobs_to_run}
    logger.addHandler(
        Progress(
            say,
            {job.jobid: expected(job, expectation) for job in jobs_to_run},
            workflow.cores if workflow.local_exec else workflow.nodes,
            expectation.known,
            {drawing[rule]: drawn[rule] for rule in reversed(drawn) if rule in drawing},
        )
    )
