"""Tables: a rule for each source computes the parts, one gathers them; small tables share a process.

The three sources differ in what they need of a machine, not in how they are called.
"""


wildcard_constraints:
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
    wildcard_constraints:
        table=one_of(alone("theory")),
    priority: priority
    conda:
        "../../envs/theory.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(2000),
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
    wildcard_constraints:
        table=one_of(alone("simulation")),
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=megabytes(4000),
        runtime=growing(240),
        gpu=gpus,


use rule theory as flows with:
    output:
        table=f"{RESULTS}/parts/{{table}}/{{source,flows}}-{{job}}.csv",
        record=f"{RESULTS}/parts/{{table}}/{{source,flows}}-{{job}}.csv.json",
    wildcard_constraints:
        table=one_of(alone("flows")),
    conda:
        "../../envs/training.yaml"
    resources:
        mem_mb=megabytes(4000),
        runtime=growing(240),
        gpu=gpus,


# Tables of a second or two: one process for all of a figure's from a source.
for figure, source in SHARED:

    rule:
        name:
            f"{source}_{figure}"
        input:
            code=computing_together(figure, source),
        output:
            tables=together(figure, source, ".csv"),
            records=together(figure, source, ".csv.json"),
        log:
            f"{LOGS}/{figure}/{source}.log",
        benchmark:
            f"{LOGS}/{figure}/{source}.tsv"
        priority: rank(figure)
        conda:
            "../../envs/theory.yaml" if source == "theory" else "../../envs/training.yaml"
        threads: 1
        resources:
            mem_mb=growing(
                max(
                    2000 if source == "theory" else 4000,
                    *(estimate(table, source) for table in SHARED[figure, source]),
                )
            ),
            runtime=growing(240),
            gpu=int('"device": "cuda"' in work(figure, source)),
        params:
            source=source,
            work=work(figure, source),
            results=lambda wildcards, output: str(Path(output.tables[0]).parents[2]),
        shell:
            "python -m modecollapse.pipeline.together {params.source} --work {params.work:q}"
            " --results {params.results:q} --threads {threads} > {log} 2>&1"


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
    wildcard_constraints:
        table=one_of(table for table in OWNER if table not in WHOLE),
    priority: priority
    localrule: True
    conda:
        "../../envs/figures.yaml"
    shell:
        "python -m modecollapse.pipeline.gather {input.parts} --output {output.table} > {log} 2>&1"
