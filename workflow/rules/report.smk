"""Pages of the HTML report, beside the figures: tables to look at, and the settings."""


rule page:
    input:
        table=f"{RESULTS}/{{table}}.csv",
        record=f"{RESULTS}/{{table}}.csv.json",
        code=code("modecollapse.pipeline.page"),
    output:
        report(
            f"{RESULTS}/report/{{table}}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"{LOGS}/report/{{table}}.log",
    wildcard_constraints:
        table="|".join(SHOWN),
    localrule: True
    conda:
        "../../envs/figures.yaml"
    shell:
        "python -m modecollapse.pipeline.page {wildcards.table} --table {input.table}"
        " --output {output} > {log} 2>&1"


rule verification_page:
    input:
        pictures=[path for figure in FIGURES for path in pictures(figure).values()],
        tables=[f"{RESULTS}/{table}.csv" for table in OWNER],
        reference=[file(path) for path in (ROOT / "reference").glob(f"{config['name']}.json")],
        code=code("modecollapse.pipeline.page"),
    output:
        report(
            f"{RESULTS}/report/verification.html",
            caption="../report/verification.rst",
            category="Tables",
            labels={"table": "verification"},
        ),
    log:
        f"{LOGS}/report/verification.log",
    localrule: True
    conda:
        "../../envs/figures.yaml"
    params:
        settings=json.dumps(config),
    shell:
        "python -m modecollapse.pipeline.page verification --verify"
        " --settings {params.settings:q} --output {output} > {log} 2>&1"


rule settings_page:
    input:
        code=code("modecollapse.pipeline.page"),
    output:
        report(
            f"{RESULTS}/report/settings.html",
            caption="../report/settings.rst",
            category="Settings",
            labels={"configuration": config["name"]},
        ),
    log:
        f"{LOGS}/report/settings.log",
    localrule: True
    conda:
        "../../envs/figures.yaml"
    params:
        settings=json.dumps(config),
    shell:
        "python -m modecollapse.pipeline.page Settings --settings {params.settings:q}"
        " --output {output} > {log} 2>&1"
