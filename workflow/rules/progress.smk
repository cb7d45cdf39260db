"""While the workflow runs, the terminal tells about how long the rest will take."""

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from modecollapse.pipeline.progress import Expectation, Progress


def say(line):
    """A line on the terminal; `--quiet` hides it, as it hides Snakemake's count of steps."""
    logger.info(line, extra={"quietness": Quietness.PROGRESS})


def expected(job, expectation):
    """The seconds that a job will take."""
    given = job.wildcards_dict
    if "source" not in given:
        return expectation.seconds()
    return expectation.seconds(given["table"], given["source"], block(job.wildcards)["jobs"])


onstart:
    expectation = Expectation(ROOT / "reference", config["name"])
    logger.addHandler(
        Progress(
            say,
            {job.jobid: expected(job, expectation) for job in workflow.dag.needrun_jobs()},
            workflow.cores if workflow.local_exec else workflow.nodes,
            expectation.known,
        )
    )
