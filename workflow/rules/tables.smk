"""Tables: a rule for each source computes the parts, one gathers them.

The three sources differ in what they need of a machine, not in how they are called.
"""


def computing(wildcards):
    """The code behind one part of a table."""
    entry = f"modecollapse.experiments.{wildcards.table}.{wildcards.source}"
    return code("modecollapse.jobs.compute", entry)


wildcard_constraints:
    table=r"\w+",
    source=r"theory|simulation|flows",
    job=r"\d+",


rule theory:
    input:
        code=computing,
    output:
        table=f"{RESULTS}/parts/{{table}}/{{source,theory}}-{{job}}.csv",
        record=f"{RESULTS}/parts/{{table}}/{{source,theory}}-{{job}}.csv.json",
    log:
        f"{LOGS}/{{table}}/{{source}}-{{job}}.log",
    benchmark:
        f"{LOGS}/{{table}}/{{source}}-{{job}}.tsv"
    params:
        settings=settings,
        jobs=jobs,
    threads: 1
    conda:
        "../../envs/theory.yaml"
    shell:
        "python -m modecollapse.jobs.compute {wildcards.table} {wildcards.source}"
        " --settings {params.settings:q} --job {wildcards.job} --jobs {params.jobs}"
        " --threads {threads} --output {output.table} > {log} 2>&1"


use rule theory as simulation with:
    output:
        table=f"{RESULTS}/parts/{{table}}/{{source,simulation}}-{{job}}.csv",
        record=f"{RESULTS}/parts/{{table}}/{{source,simulation}}-{{job}}.csv.json",
    conda:
        "../../envs/training.yaml"


use rule theory as flows with:
    output:
        table=f"{RESULTS}/parts/{{table}}/{{source,flows}}-{{job}}.csv",
        record=f"{RESULTS}/parts/{{table}}/{{source,flows}}-{{job}}.csv.json",
    conda:
        "../../envs/training.yaml"


rule gather:
    input:
        parts=lambda wildcards: parts(wildcards.table),
        code=code("modecollapse.jobs.gather"),
    output:
        table=f"{RESULTS}/{{table}}.csv",
        record=f"{RESULTS}/{{table}}.csv.json",
    log:
        f"{LOGS}/{{table}}.log",
    benchmark:
        f"{LOGS}/{{table}}.tsv"
    conda:
        "../../envs/figures.yaml"
    shell:
        "python -m modecollapse.jobs.gather {input.parts} --output {output.table} > {log} 2>&1"
