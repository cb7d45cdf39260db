"""What the figures let one say: a row for each claim, with its number, interval and verdict."""


def judged(wildcards, input):
    """The words that tell the judge which tables belong to which figure."""
    tables = iter(input.tables)
    given = {figure: [next(tables) for _ in FIGURES[figure]] for figure in FIGURES}
    return [word for figure, its in given.items() for word in ("--figure", figure, *its)]


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
