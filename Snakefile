"""The paper as a workflow: tables from theory, simulation and flows, and figures from tables.

snakemake --cores 2                                      every figure, from config.yaml
snakemake --cores 2 figures/fig3_mean_alignment.pdf      one figure and what it needs
snakemake --cores 2 --configfile config/smoke.yaml       a named configuration
"""


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


# Each figure of config.yaml, in the paper's order, and the claim that it bears on.
CLAIMS = {
    "fig1_collapse": "q loses modes that its family could hold",
    "fig2_theory_vs_simulation": "a few statistics obey closed equations",
    "fig3_mean_alignment": "collapse by mean alignment: both means move to one mode",
    "fig4_vanishing_weight": "collapse by vanishing weight: a component dies before it arrives",
    "fig5_normalizing_flows": "normalizing flows collapse likewise",
    "fig6_annealing": "annealing slow enough prevents collapse",
    "figs_bifurcations": "collapse is born in a fold",
    "figs_flow_factors": "what else decides whether a flow collapses",
    "figs_finite_batch": "gradient flow is the limit of small steps and large batches",
    "figs_multimodal": "with fixed weights, spare components find what others lose",
}


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
