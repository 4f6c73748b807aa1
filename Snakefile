"""The study as jobs on one machine or a cluster: one job a notebook, one a row of the sweep; see cluster.yaml.

Every job calls a command that works by itself, `python -m hmlm_lib ...`. What a job has finished is marked below
reports/cluster/<study>/ and not done again until the code it rests on changes.
"""

import sys
from pathlib import Path
from shlex import quote

from hmlm_lib import cluster, paths
from hmlm_lib.inputs import library_hash

configfile: f"{workflow.basedir}/cluster.yaml"
workdir: str(paths.output_root())

STUDY = cluster.study(config)
NOTEBOOKS = {path.stem: path for path in STUDY.notebook_paths()}
ROWS = quote(str(STUDY.rows or paths.rows_dir()))
HERE = f"reports/cluster/{config['study']}"
PYTHON = f"OMP_NUM_THREADS={{threads}} {quote(sys.executable)} -m hmlm_lib"
if workflow.is_main_process:
    cluster.write_jobs(STUDY.jobs(), Path(HERE) / "jobs.json")
JOBS = cluster.read_jobs(Path(HERE) / "jobs.json")


def of_job(what):
    return lambda wildcards: getattr(JOBS[wildcards.job], what)


def of_resources(what):
    return lambda wildcards: JOBS[wildcards.job].resources[what]


wildcard_constraints:
    job=r"\w+/\w+-\d+",
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
        f"{HERE}/rows/{{job}}.jsonl",
    log:
        f"{HERE}/logs/{{job}}.txt",
    params:
        setting=of_job("setting"),
        models=of_job("models"),
        seed=of_job("seed"),
        codes=of_job("codes"),  # rows of changed code are made anew
        effort=STUDY.effort,
        device=lambda wildcards: STUDY.device if JOBS[wildcards.job].resources["gpu"] else "cpu",
    threads: of_resources("threads")
    resources:
        mem_mb=of_resources("mem_mb"),
        runtime=of_resources("runtime"),
        gpu=of_resources("gpu"),
    shell:
        f"HMLM_ROWS_DIR={ROWS} {PYTHON} benchmark {{params.setting}} --models {{params.models}}"
        " --seeds {params.seed} --effort {params.effort} --device {params.device} --into {output}.part > {log} 2>&1"
        " && mv {output}.part {output}"


rule merge:
    """Rows of all jobs into the record, each once."""
    input:
        [f"{HERE}/rows/{job}.jsonl" for job in JOBS],
    output:
        f"{HERE}/merged.txt",
    params:
        effort=STUDY.effort,
    shell:
        f"HMLM_ROWS_DIR={ROWS} {PYTHON} merge {HERE}/rows --effort {{params.effort}} > {{output}}"


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
        failed=f"reports/{STUDY.profile}/{{notebook}}.failed.ipynb",
    params:
        library=library_hash(),
    threads: STUDY.notebook_resources["threads"]
    resources:
        mem_mb=STUDY.notebook_resources["mem_mb"],
        runtime=STUDY.notebook_resources["runtime"],
        gpu=STUDY.notebook_resources["gpu"],
    shell:
        f"{PYTHON} run {{wildcards.notebook}} --profile {STUDY.profile} --device {STUDY.device} > {{log[0]}} 2>&1"
