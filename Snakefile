"""The paper as a workflow: tables from theory, simulation and flows, and figures from tables.

snakemake --cores 2                                      every figure, from config.yaml
snakemake --cores 2 figures/fig3_mean_alignment.pdf      one figure and what it needs
snakemake --cores 2 --configfile config/smoke.yaml       a named configuration
"""


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


localrules:
    all,
    report,


EVERYTHING = [pictures(figure).values() for figure in FIGURES] + [f"{RESULTS}/claims.csv"]


rule all:
    default_target: True
    input:
        EVERYTHING,


# What `make report` shows: the figures, and tables and settings as pages.
rule report:
    input:
        EVERYTHING,
        pages(),


include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/progress.smk"
