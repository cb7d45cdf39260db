"""A rule for each figure, of the figure's own name; small figures share a process."""

for figure in [name for name in FIGURES if name not in GROUPED]:

    rule:
        name:
            figure
        input:
            tables=[f"{RESULTS}/{table}.csv" for table in FIGURES[figure]],
            code=drawing("draw", figure),
        output:
            **reported(figure),
        log:
            f"{LOGS}/{figure}.log",
        benchmark:
            f"{LOGS}/{figure}.tsv"
        priority: rank(figure) + 1
        localrule: True
        conda:
            "../../envs/figures.yaml"
        params:
            name=drawn_by(figure),
            stem=subpath(output.pdf, strip_suffix=".pdf"),
        shell:
            "python -m modecollapse.pipeline.draw {params.name} {input.tables}"
            " --output {params.stem} > {log} 2>&1"


for group, figures in GROUPS.items():

    rule:
        name:
            group
        input:
            tables=[f"{RESULTS}/{table}.csv" for figure in figures for table in FIGURES[figure]],
            code=drawing("pictures", *figures),
        output:
            **{k: v for n, f in enumerate(figures, 1) for k, v in reported(f, f"_{n}").items()},
        log:
            f"{LOGS}/{group}.log",
        benchmark:
            f"{LOGS}/{group}.tsv"
        priority: rank(figures[0]) + 1
        localrule: True
        conda:
            "../../envs/figures.yaml"
        params:
            figures=stems(figures),
        shell:
            "python -m modecollapse.pipeline.pictures {params.figures} > {log} 2>&1"
