"""The study as jobs on one machine or a cluster: one job a notebook, one a row of the sweep; see cluster.yaml.

Every job calls a command that works by itself, `python -m hmlm_lib ...`. What a job has finished is marked below
reports/cluster/<study>/ and not done again until the code it rests on changes.
"""

import sys

from hmlm_lib import cluster, paths
from hmlm_lib.run import library_hash, notebooks, select

configfile: f"{workflow.basedir}/cluster.yaml"
workdir: str(paths.output_root())

STUDY = cluster.study(config)
JOBS = STUDY.jobs()
NOTEBOOKS = {path.stem: path for path in (notebooks() if STUDY.notebooks == "all" else select(STUDY.notebooks))}
ROWS = STUDY.rows or paths.rows_dir()
HERE = f"reports/cluster/{config['study']}"
REPORTS = f"reports/{STUDY.profile}"
PYTHON = f"{sys.executable} -m hmlm_lib"


def job(wildcards):
    return JOBS[wildcards.setting, wildcards.label, int(wildcards.seed)]


def of_job(resource):
    return lambda wildcards: job(wildcards).resources[resource]


wildcard_constraints:
    setting=r"\w+",
    label=r"\w+",
    seed=r"\d+",
    notebook=r"\w+",


localrules:
    all,
    merge,


rule all:
    input:
        [f"{HERE}/merged.txt"] * bool(JOBS),
        expand(f"{HERE}/notebooks/{{notebook}}.done", notebook=NOTEBOOKS),


rule row:
    """Rows of one job, in a file of its own; what a killed job had finished is kept in the .part file."""
    output:
        f"{HERE}/rows/{{setting}}/{{label}}-{{seed}}.jsonl",
    log:
        f"{HERE}/logs/{{setting}}-{{label}}-{{seed}}.txt",
    params:
        models=lambda wildcards: job(wildcards).models,
        effort=STUDY.effort,
        codes=lambda wildcards: job(wildcards).codes(STUDY.effort),  # rows of changed code are made anew
    threads: of_job("threads")
    resources:
        mem_mb=of_job("mem_mb"),
        runtime=of_job("runtime"),
        gpu=of_job("gpu"),
    shell:
        "HMLM_ROWS_DIR={ROWS} OMP_NUM_THREADS={threads} {PYTHON} benchmark {wildcards.setting}"
        " --models {params.models} --seeds {wildcards.seed} --effort {params.effort} --into {output}.part"
        " > {log} 2>&1 && mv {output}.part {output}"


rule merge:
    """Rows of all jobs into the record, each once."""
    input:
        [f"{HERE}/rows/{setting}/{label}-{seed}.jsonl" for setting, label, seed in JOBS],
    output:
        f"{HERE}/merged.txt",
    params:
        effort=STUDY.effort,
    shell:
        "HMLM_ROWS_DIR={ROWS} {PYTHON} merge {HERE}/rows --effort {params.effort} > {output}"


rule notebook:
    """One notebook. The runner writes its outputs whole or not at all, so only a mark is declared; a failed notebook is
    a log, which Snakemake keeps.
    """
    input:
        lambda wildcards: NOTEBOOKS[wildcards.notebook],
        [f"{HERE}/merged.txt"] * bool(JOBS and not STUDY.rows),  # notebooks read the project's own record
    output:
        touch(f"{HERE}/notebooks/{{notebook}}.done"),
    log:
        f"{HERE}/logs/{{notebook}}.txt",
        failed=f"{REPORTS}/{{notebook}}.failed.ipynb",
    params:
        library=library_hash(),
    threads: STUDY.notebook_resources["threads"]
    resources:
        mem_mb=STUDY.notebook_resources["mem_mb"],
        runtime=STUDY.notebook_resources["runtime"],
        gpu=STUDY.notebook_resources["gpu"],
    shell:
        "OMP_NUM_THREADS={threads} {PYTHON} run {wildcards.notebook} --profile {STUDY.profile} --device {STUDY.device}"
        " > {log[0]} 2>&1"
