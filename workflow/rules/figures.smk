"""A rule for each figure, of the figure's own name."""

for figure in FIGURES:

    rule:
        name:
            figure
        input:
            tables=[f"{RESULTS}/{table}.csv" for table in FIGURES[figure]],
            code=drawing(figure),
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
