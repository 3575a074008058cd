"""`modstudy cluster`: writes files that run a study on a cluster."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from search_spaces.limits import MAX_TRIALS
from study.commands.options import Assignments, Root, console, report_errors, with_option_groups
from study.execution.run_options import AtOnce, Cpus, Gpus, RunOptions, TrackingUri

if TYPE_CHECKING:
    from study.cluster_files.settings import StudyRun

cluster_app = typer.Typer(help="Write files that run a study on a cluster.", no_args_is_help=True)
"""Typer app of `modstudy cluster`."""

MAX_NODES, MAX_UNITS, MAX_MEMORY_GIB, MAX_RETRIES = 10_000, 10_000, 100_000, 1_000
"""Largest numbers of nodes, of CPUs and GPUs of a node, of GiB of its memory, and of further launches of a job."""
Study = Annotated[str, typer.Argument(help="Name of a built-in study, or path of a study file (TOML).")]
StudyName = Annotated[
    str | None, typer.Option("--name", help="Name under which the study is stored; by default that of the study file.")
]
Out = Annotated[Path | None, typer.Option(help="File that is written, which must not exist; by default stdout.")]
NodeCount = Annotated[int, typer.Option("--nodes", min=1, max=MAX_NODES, help="Number of nodes that run trials.")]
MostNodes = Annotated[
    int, typer.Option("--nodes", min=1, max=MAX_NODES, help="Largest number of nodes that run trials.")
]
NodeCpus = Annotated[int, typer.Option("--cpus-per-node", min=1, max=MAX_UNITS, help="CPUs of each of them.")]
NodeGpus = Annotated[int, typer.Option("--gpus-per-node", min=0, max=MAX_UNITS, help="GPUs of each of them.")]
NodeMemory = Annotated[
    int | None,
    typer.Option(
        "--memory-per-node", min=1, max=MAX_MEMORY_GIB, help="Memory of each of them in GiB; by default the cluster's."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOptions:
    """Options of the launch in a cluster file; the annotations of the fields are the options of the command line."""

    tracking_uri: TrackingUri = None
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_TRIALS, help="Number of seeds of each arm; by default that of the study file."),
    ] = None
    assignments: Assignments = None
    trials_at_once: AtOnce = None
    cpus_per_trial: Cpus = None
    gpus_per_trial: Gpus = None


@cluster_app.callback()
def _cluster_group() -> None:
    """Commands of `modstudy cluster`, one per kind of cluster."""


@cluster_app.command()
@report_errors
@with_option_groups
def slurm(
    context: typer.Context,
    study: Study,
    nodes: NodeCount = 1,
    cpus_per_node: NodeCpus = 8,
    gpus_per_node: NodeGpus = 0,
    memory_per_node: NodeMemory = None,
    time: Annotated[
        str, typer.Option(help="Wall time as Slurm writes it, e.g. 12:00:00 or 2-00:00:00; then it is requeued.")
    ] = "24:00:00",
    partition: Annotated[str | None, typer.Option(help="Slurm partition.")] = None,
    account: Annotated[str | None, typer.Option(help="Slurm account.")] = None,
    module: Annotated[list[str] | None, typer.Option(help="Environment module to load; can be repeated.")] = None,
    venv: Annotated[
        Path | None, typer.Option(help="Virtual environment to activate, in a folder that all nodes see.")
    ] = None,
    max_requeues: Annotated[
        int, typer.Option(min=0, max=MAX_RETRIES, help="How often the job puts itself back into the queue.")
    ] = 20,
    name: StudyName = None,
    root: Root = "runs",
    *,
    launch: LaunchOptions,
    out: Out = None,
) -> None:
    """Write a Slurm batch script that starts Ray on its nodes, runs a study and survives being requeued."""
    from study.cluster_files.settings import Nodes
    from study.cluster_files.slurm import SlurmSettings, slurm_script

    # The script runs in the folder in which it is submitted.
    run = _study_run(study, name, root if "://" in root else str(Path(root).absolute()), launch)
    settings = SlurmSettings(
        nodes=Nodes(n_nodes=nodes, cpus=cpus_per_node, gpus=gpus_per_node, memory_gib=memory_per_node),
        time=time,
        partition=partition,
        account=account,
        modules=tuple(module or ()),
        venv=None if venv is None else str(venv.absolute()),
        max_requeues=max_requeues,
    )
    _write(slurm_script(run, settings, made_by=_words(context)), out, submit="sbatch {file}")


@cluster_app.command()
@report_errors
@with_option_groups
def kuberay(
    context: typer.Context,
    study: Study,
    image: Annotated[str, typer.Option(help="Container image that has modstudy and ray[default].")],
    nodes: MostNodes = 2,
    min_nodes: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_NODES, help="Smallest number of them, for autoscaling; by default the largest."),
    ] = None,
    cpus_per_node: NodeCpus = 8,
    gpus_per_node: NodeGpus = 0,
    memory_per_node: Annotated[
        int | None, typer.Option(min=1, max=MAX_MEMORY_GIB, help="Memory of each of them in GiB; by default 2 per CPU.")
    ] = None,
    claim: Annotated[
        str | None, typer.Option(help="Persistent volume claim for the root, which all pods can write.")
    ] = None,
    mount: Annotated[str, typer.Option(help="Folder of the claim in the containers.")] = "/mnt/modstudy",
    secret: Annotated[
        str | None, typer.Option(help="Secret whose keys become environment variables, e.g. AWS_ACCESS_KEY_ID.")
    ] = None,
    spot: Annotated[
        str | None,
        typer.Option(metavar="KEY=VALUE", help="Label (and taint) of spot nodes, on which the workers then run."),
    ] = None,
    namespace: Annotated[str | None, typer.Option(help="Kubernetes namespace.")] = None,
    retries: Annotated[int, typer.Option(min=0, max=MAX_RETRIES, help="How often a failed job is launched again.")] = 3,
    name: StudyName = None,
    root: Annotated[
        str | None, typer.Option(help="Folder of all studies on the claim, or URI; by default MOUNT/runs.")
    ] = None,
    *,
    launch: LaunchOptions,
    out: Out = None,
) -> None:
    """Write a RayJob for KubeRay, with a head that runs the launch and workers that run the trials."""
    from study.cluster_files.kuberay import KubeRaySettings, kuberay_job
    from study.cluster_files.settings import Nodes

    run = _study_run(study, name, root or f"{mount}/runs", launch)
    settings = KubeRaySettings(
        nodes=Nodes(n_nodes=nodes, cpus=cpus_per_node, gpus=gpus_per_node, memory_gib=memory_per_node),
        image=image,
        min_nodes=min_nodes,
        claim=claim,
        mount=mount,
        secret=secret,
        spot=spot,
        namespace=namespace,
        retries=retries,
    )
    text = Path(study).read_text(encoding="utf-8") if _is_study_file(study) else None
    job = kuberay_job(run, settings, made_by=_words(context), study_text=text)
    _write(job, out, submit="kubectl apply -f {file}")


@cluster_app.command(name="ray-yaml")
@report_errors
@with_option_groups
def ray_yaml(
    context: typer.Context,
    study: Study,
    root: Annotated[
        str, typer.Option(help="URI of an object store, or absolute path of a file system that all nodes mount.")
    ],
    provider: Annotated[Literal["aws", "gcp"], typer.Option(help="Cloud that runs the machines.")] = "aws",
    nodes: MostNodes = 2,
    min_nodes: Annotated[int, typer.Option(min=0, max=MAX_NODES, help="Smallest number of them.")] = 0,
    cpus_per_node: NodeCpus = 8,
    gpus_per_node: NodeGpus = 0,
    spot: Annotated[bool, typer.Option(help="Whether the workers are spot machines.")] = True,
    region: Annotated[str | None, typer.Option(help="Region of the cloud; us-west-2 or us-west1 by default.")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone within the region (gcp); REGION-a by default.")] = None,
    project: Annotated[str | None, typer.Option(help="ID of the project (gcp).")] = None,
    head_type: Annotated[str | None, typer.Option(help="Machine type of the head.")] = None,
    worker_type: Annotated[str | None, typer.Option(help="Machine type of the workers, with the CPUs above.")] = None,
    worker_identity: Annotated[
        str | None,
        typer.Option(help="Instance profile (aws) or service account (gcp) with which workers write to the root."),
    ] = None,
    image: Annotated[str | None, typer.Option(help="Container image that has modstudy.")] = None,
    setup: Annotated[
        list[str] | None, typer.Option(help="Shell command that installs modstudy on a node; can be repeated.")
    ] = None,
    name: StudyName = None,
    *,
    launch: LaunchOptions,
    out: Out = None,
) -> None:
    """Write a cluster file for Ray's launcher (`ray up`), with a head on demand and spot workers."""
    from core.errors import ConfigError
    from study.cluster_files.ray_yaml import AwsProvider, GcpProvider, Provider, RayYamlSettings, ray_cluster_file
    from study.cluster_files.settings import Nodes

    given = {"region": region, "head_type": head_type, "worker_type": worker_type, "identity": worker_identity}
    chosen = {option: value for option, value in given.items() if value is not None}
    machines: Provider
    if provider == "aws":
        if project is not None or zone is not None:
            raise ConfigError("--project and --zone are options of --provider gcp")
        machines = AwsProvider(**chosen)
    else:
        if project is None:
            raise ConfigError("--provider gcp needs --project with the ID of your project")
        if zone is None and region is not None:
            zone = f"{region}-a"
        machines = GcpProvider(project=project, **chosen, **({} if zone is None else {"zone": zone}))
    run = _study_run(study, name, root, launch)
    settings = RayYamlSettings(
        provider=machines,
        nodes=Nodes(n_nodes=nodes, cpus=cpus_per_node, gpus=gpus_per_node),
        min_nodes=min_nodes,
        spot=spot,
        image=image,
        setup=tuple(setup or ()),
    )
    text = ray_cluster_file(
        run,
        settings,
        made_by=_words(context),
        file="FILE" if out is None else str(out),
        study_path=run.study if _is_study_file(study) else None,
    )
    _write(text, out, submit="the `ray exec` command at the top of {file}")


# ---------------------------------------------------------------------------------------------------------------------


def _is_study_file(study: str) -> bool:
    """Whether a study is given by the path of its file."""
    from search_spaces.study_parsing import built_in_studies

    return study not in built_in_studies()


def _study_run(study: str, name: str | None, root: str, launch: LaunchOptions) -> "StudyRun":
    """The launch of a study whose file has been read and whose arms have been built.

    Raises:
        ConfigError: there is no such study, or an option is invalid.
    """
    from search_spaces.names import check_study_name
    from search_spaces.study_parsing import load_study
    from study.cluster_files.settings import StudyRun

    # Checks the numbers of trials and resources.
    RunOptions(
        trials_at_once=launch.trials_at_once,
        cpus_per_trial=launch.cpus_per_trial,
        gpus_per_trial=launch.gpus_per_trial,
    )
    loaded = load_study(study)
    loaded.named_arms()
    if name is not None:
        check_study_name(name)
    return StudyRun(
        study=str(Path(study).absolute()) if _is_study_file(study) else study,
        name=name or loaded.name,
        root=root,
        tracking_uri=launch.tracking_uri,
        seeds=launch.seeds,
        assignments=tuple(launch.assignments or ()),
        trials_at_once=launch.trials_at_once,
        cpus_per_trial=launch.cpus_per_trial,
        gpus_per_trial=launch.gpus_per_trial,
    )


def _words(context: typer.Context) -> list[str]:
    """Words of the command line, with its arguments and the options that were given."""
    words = ["modstudy", "cluster", context.info_name or ""]
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is None or source.name != "COMMANDLINE" or parameter.name in (None, "out"):
            continue
        value = context.params[parameter.name]
        if parameter.param_type_name == "argument":
            words.append(str(value))
        elif isinstance(value, bool):
            words.append(parameter.opts[0] if value else parameter.secondary_opts[0])
        else:
            for item in value if isinstance(value, (list, tuple)) else [value]:
                words += [parameter.opts[0], str(item)]
    return words


def _write(text: str, out: Path | None, *, submit: str) -> None:
    """Write a cluster file to stdout or to a new file.

    Args:
        text: Content.
        out: The new file; None for stdout.
        submit: How to submit it, with `{file}` for its path.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    from core.errors import ConfigError

    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"--out must name a new file, so that no edits are lost; remove {out} first") from None
    except OSError as error:
        raise ConfigError(f"--out must be a file that can be written; {out}: {error.strerror}") from error
    console.print(
        f"Written: {out}. Submit it: {submit.format(file=shlex.quote(str(out)))}", markup=False, soft_wrap=True
    )
