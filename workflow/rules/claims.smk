"""What the figures let one say: a row for each claim, with its number, interval and verdict."""


rule claims:
    input:
        tables=[f"{RESULTS}/{table}.csv" for table in OWNER],
        code=code(
            "modecollapse.pipeline.judge",
            *(f"modecollapse.claims.{name}" for name in map(drawn_by, FIGURES) if claimed(name)),
        ),
    output:
        table=f"{RESULTS}/claims.csv",
        record=f"{RESULTS}/claims.csv.json",
    log:
        f"{LOGS}/claims.log",
    localrule: True
    conda:
        "../../envs/figures.yaml"
    params:
        figures=judged,
    shell:
        "python -m modecollapse.pipeline.judge {params.figures:q} --output {output.table} > {log} 2>&1"
