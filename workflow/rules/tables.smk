"""Tables: a rule for each source computes the parts, one gathers them.

The three sources differ in what they need of a machine, not in how they are called.
"""


wildcard_constraints:
    table="|".join(OWNER),
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
    priority: priority
    conda:
        "../../envs/theory.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        experiment=lambda wildcards: EXPERIMENTS[wildcards.table],
        settings=settings,
        jobs=jobs,
    shell:
        "python -m modecollapse.pipeline.compute {params.experiment} {wildcards.source}"
        " --settings {params.settings:q} --job {wildcards.job} --jobs {params.jobs}"
        " --threads {threads} --output {output.table} > {log} 2>&1"


use rule theory as simulation with:
    output:
        table=f"{RESULTS}/parts/{{table}}/{{source,simulation}}-{{job}}.csv",
        record=f"{RESULTS}/parts/{{table}}/{{source,simulation}}-{{job}}.csv.json",
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
        gpu=gpus,


use rule theory as flows with:
    output:
        table=f"{RESULTS}/parts/{{table}}/{{source,flows}}-{{job}}.csv",
        record=f"{RESULTS}/parts/{{table}}/{{source,flows}}-{{job}}.csv.json",
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
        gpu=gpus,


rule gather:
    input:
        parts=lambda wildcards: parts(wildcards.table),
        code=code("modecollapse.pipeline.gather"),
    output:
        table=f"{RESULTS}/{{table}}.csv",
        record=f"{RESULTS}/{{table}}.csv.json",
    log:
        f"{LOGS}/{{table}}.log",
    benchmark:
        f"{LOGS}/{{table}}.tsv"
    priority: priority
    localrule: True
    conda:
        "../../envs/figures.yaml"
    shell:
        "python -m modecollapse.pipeline.gather {input.parts} --output {output.table} > {log} 2>&1"
