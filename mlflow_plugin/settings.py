"""INTERP_* variables and the configuration file → frozen settings. Nothing else reads the environment."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

from interp_pipeline.config import CompareConfig, Config, ExplainConfig, TrainConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.small_files import local_path, parse_toml, read_small_file, text_of
from interp_pipeline.tracking.sources.declared_data import DataDefault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "SandboxMode",
    "SandboxSettings",
    "SelectSettings",
    "Settings",
    "SourceSettings",
    "WebhookSecrets",
    "WorkerSettings",
    "load_settings",
    "set_tracking_uri",
    "temporary_folder",
]

SandboxMode = Literal["required", "auto", "off"]
_REQUIRED_ABI = {f"required:abi={abi}": abi for abi in range(1, 8)}  # the versions that the sandbox knows
_LARGEST_FILE = 256 * 1024  # bytes, of a configuration or a secret
_C = TypeVar("_C", bound=Config)

_SECTIONS: Mapping[str, type[Config]] = {"train": TrainConfig, "explain": ExplainConfig, "compare": CompareConfig}


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(Config):
    """How a worker looks for work, holds it and gives up."""

    poll_s: float = 1.0  # time between two looks into the job table while there is nothing to do
    scan_every_s: float = 60.0  # time between two scans of the registry, whichever worker makes them
    lease_s: float = 60.0  # a job is taken over when its worker has been silent for this long
    heartbeat_s: float = 20.0  # time between two renewals of a lease; at most half of lease_s
    stop_within_s: float = 25.0  # time to finish after SIGTERM; a job that needs longer is given back
    attempts: int = 3  # how often a version is tried whose process dies
    takeovers: int = 10  # how many workers may die on one job before it counts as failed
    retry_after_s: float = 15.0  # wait after a server or storage did not answer; doubled each time
    retry_at_most_s: float = 900.0  # longest such wait
    draw_cpu_s: float = 120.0  # processor time for the pictures and the report of one version
    overhead_s: float = 2700.0  # wall-clock time of one version in addition to max_seconds of [sandbox]
    listen: str = ""  # address for health, metrics and webhooks, such as "0.0.0.0:8080"; empty: none

    def __post_init__(self) -> None:
        """Refuse settings no worker can live by.

        Raises:
            UsageError: a time is not positive, or the lease is not longer than two heartbeats.
        """
        for name in (
            "poll_s",
            "scan_every_s",
            "lease_s",
            "heartbeat_s",
            "stop_within_s",
            "retry_after_s",
            "draw_cpu_s",
            "overhead_s",
        ):
            if not 0 < getattr(self, name) < float("inf"):
                msg = f"{name} must be greater than 0, not {getattr(self, name):g}"
                raise UsageError(msg)
        if self.lease_s < 2 * self.heartbeat_s:
            msg = f"lease_s must be at least twice heartbeat_s, not {self.lease_s:g} with {self.heartbeat_s:g}"
            raise UsageError(msg)
        for name in ("attempts", "takeovers"):
            if getattr(self, name) < 1:
                msg = f"{name} must be at least 1, not {getattr(self, name)}"
                raise UsageError(msg)


@dataclass(frozen=True, kw_only=True)
class SelectSettings(Config):
    """Which registered versions are explained."""

    models: tuple[str, ...] = ("*",)  # patterns of model names
    exclude: tuple[str, ...] = ()  # patterns of model names that are left out
    tags: tuple[str, ...] = ()  # "stage=production", or "explain": a version must have all of them
    flavors: tuple[str, ...] = ()  # MLflow's names of flavors, such as "sklearn"; empty: every flavor
    newest: int | None = None  # only this many versions of each model, the newest ones; None: all


@dataclass(frozen=True, kw_only=True)
class SourceSettings(Config):
    """What a worker may read, beyond what lies with its MLflow server."""

    allow: tuple[str, ...] = ()  # prefixes of addresses, such as "s3://models/" or "/data/background/"
    max_gb: float = 4.0  # size of one model's files together
    max_files: int = 10_000  # how many files one model may have
    max_table_gb: float = 1.0  # size of one table of rows or background data


@dataclass(frozen=True, kw_only=True)
class SandboxSettings(Config):
    """How the code of a model is held."""

    mode: str = "auto"  # "auto", "required" or "off"; "required:abi=6" also requires that version of Landlock's ABI
    max_seconds: float = 900.0  # wall-clock time of one version
    max_memory_gb: float = 8.0  # private memory of the process that runs the model
    readable: tuple[str, ...] = ()  # more folders that models may read, such as libraries installed elsewhere

    def __post_init__(self) -> None:
        """Refuse an unknown mode and limits nothing fits into.

        Raises:
            UsageError: an option is out of its range.
        """
        if self.mode not in {*get_args(SandboxMode), *_REQUIRED_ABI}:
            with_abi = f"{min(_REQUIRED_ABI)} to {max(_REQUIRED_ABI)}"
            msg = f"mode must be one of {', '.join(get_args(SandboxMode))}, {with_abi}, not {self.mode!r}"
            raise UsageError(msg)
        for name in ("max_seconds", "max_memory_gb"):
            if not 0 < getattr(self, name) < float("inf"):
                msg = f"{name} must be greater than 0, not {getattr(self, name):g}"
                raise UsageError(msg)

    @property
    def layers(self) -> SandboxMode:
        """Whether all layers are required."""
        return cast("SandboxMode", self.mode.partition(":")[0])

    @property
    def least_abi(self) -> int:
        """The version of Landlock's ABI that has to be there where all layers are required."""
        return _REQUIRED_ABI.get(self.mode, 1)


@dataclass(frozen=True, kw_only=True)
class WebhookSecrets:
    """What deliveries are signed with: two while one is replaced by the other."""

    current: str = field(default="", repr=False)  # empty: webhooks are refused
    previous: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for every command unless its own options say otherwise."""

    tracking_uri: str | None = None  # None: MLflow's own setting
    train: Mapping[str, Any] = field(default_factory=dict)  # defaults for TrainConfig
    explain: Mapping[str, Any] = field(default_factory=dict)  # defaults for ExplainConfig
    compare: Mapping[str, Any] = field(default_factory=dict)  # defaults for CompareConfig
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    select: SelectSettings = field(default_factory=SelectSettings)
    sources: SourceSettings = field(default_factory=SourceSettings)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    data: tuple[DataDefault, ...] = ()  # where models whose runs hold no data find theirs
    jobs_uri: str | None = field(default=None, repr=False)  # job table; None: a SQLite file of this user's
    webhook_secrets: WebhookSecrets = field(default_factory=WebhookSecrets)
    state_folder: Path = Path()  # where that SQLite file lies

    def of_jobs(self) -> str:
        """Everything on which it depends which jobs there are, as JSON: one job table serves one such configuration."""
        select = {name: sorted(each) if isinstance(each, tuple) else each for name, each in asdict(self.select).items()}
        explain = ExplainConfig.from_mapping(self.explain).to_dict()
        data = [asdict(entry) for entry in self.data]
        return json.dumps({"explain": explain, "select": select, "data": data}, sort_keys=True)

    def jobs_uri_for(self, tracking_uri: str) -> str:
        """Where the job table of an MLflow server or store lies, wherever on this machine it is asked for.

        Args:
            tracking_uri: of the server or store, as MLflow knows it; a relative path is taken from here.
        """
        if self.jobs_uri:
            return self.jobs_uri
        path = tracking_uri.removeprefix("sqlite:///")
        known = f"sqlite:///{Path(path).absolute()}" if path != tracking_uri else tracking_uri.rstrip("/")
        name = hashlib.sha256(known.encode()).hexdigest()[:12]
        return f"sqlite:///{self.state_folder / f'jobs-{name}.db'}"


def load_settings(config_file: str | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; a variable wins over the file.

    Args:
        config_file: TOML file, see ``docs/reference/contract.md``; None takes INTERP_CONFIG, or no file.
        environment: variables; None takes those of the process.

    Raises:
        UsageError: the file does not exist, is not TOML, or holds something unknown or unfit.
    """
    variables = os.environ if environment is None else environment
    path = config_file or variables.get("INTERP_CONFIG")
    content = _read(path) if path else {}
    texts = ("tracking_uri", "jobs_uri")
    sections = (*_SECTIONS, "worker", "select", "sources", "sandbox")
    unknown = sorted(set(content) - {*sections, *texts, "data"})
    if unknown:
        known = f"{', '.join(texts)}, [{'], ['.join(sections)}], [[data]]"
        msg = f"{path}: unknown {', '.join(unknown)}; known: {known}"
        raise UsageError(msg)
    for name in texts:
        if not isinstance(content.get(name, ""), str):
            msg = f"{path}: {name} must be a text, not {content[name]!r}"
            raise UsageError(msg)
    sandbox = _section(path, "sandbox", content.get("sandbox", {}), SandboxSettings)
    if mode := variables.get("INTERP_SANDBOX"):
        sandbox = _section(None, "sandbox", sandbox.to_dict() | {"mode": mode}, SandboxSettings)
    return Settings(
        tracking_uri=variables.get("INTERP_TRACKING_URI") or content.get("tracking_uri"),
        train=_defaults(path, "train", content),
        explain=_defaults(path, "explain", content),
        compare=_defaults(path, "compare", content),
        worker=_section(path, "worker", content.get("worker", {}), WorkerSettings),
        select=_section(path, "select", content.get("select", {}), SelectSettings),
        sources=_section(path, "sources", content.get("sources", {}), SourceSettings),
        sandbox=sandbox,
        data=_data(path, content.get("data", [])),
        jobs_uri=variables.get("INTERP_JOBS_URI") or content.get("jobs_uri"),
        webhook_secrets=WebhookSecrets(
            current=_secret(variables, "INTERP_WEBHOOK_SECRET"),
            previous=_secret(variables, "INTERP_WEBHOOK_SECRET_PREVIOUS"),
        ),
        state_folder=_state_folder(variables),
    )


def _state_folder(variables: Mapping[str, str]) -> Path:
    """Where programs keep what should survive them but is no document of the user's."""
    base = variables.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "interp-pipeline"


def _secret(variables: Mapping[str, str], name: str) -> str:
    """A secret from a variable, or from the file that the variable of that name and ``_FILE`` names."""
    path = variables.get(f"{name}_FILE")
    if not path:
        return variables.get(name, "")
    try:
        return text_of(read_small_file(local_path(path), path, _LARGEST_FILE)).strip()
    except (FileNotFoundError, IsADirectoryError, ValueError, UsageError) as error:
        why = getattr(error, "strerror", None) or ("it is no text" if isinstance(error, UnicodeError) else error)
        msg = f"{name}_FILE names {path}, which cannot be read: {why}"
        raise UsageError(msg) from error


def _read(path: str) -> dict[str, Any]:
    try:
        return parse_toml(text_of(read_small_file(local_path(path), path, _LARGEST_FILE)))
    except FileNotFoundError as error:
        msg = f"there is no configuration file {path}; give another with --config"
        raise UsageError(msg) from error
    except IsADirectoryError as error:
        msg = f"{path} is a folder; name the TOML file in it"
        raise UsageError(msg) from error
    except ValueError as error:
        msg = f"{path} is not a TOML file: {error}"
        raise UsageError(msg) from error


def set_tracking_uri(address: str) -> None:
    """Make an address MLflow's own setting, for a command whose process this is."""
    os.environ["MLFLOW_TRACKING_URI"] = address


def temporary_folder() -> Path:
    """The folder that temporary files go to.

    Raises:
        UsageError: TMPDIR names one where no file can be written; Python would take another one without a word.
    """
    wanted, found = os.environ.get("TMPDIR"), Path(tempfile.gettempdir())
    if wanted and Path(wanted).resolve() != found.resolve():
        msg = f"TMPDIR names {wanted}, where no file can be written: make that folder writable, or name another one"
        raise UsageError(msg)
    return found


def _defaults(path: str | None, name: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """A section with defaults for a command, checked here, where the file it stands in is known."""
    values = _values(path, name, content.get(name, {}))
    _section(path, name, values, _SECTIONS[name])
    return MappingProxyType(values)


def _values(path: str | None, name: str, section: Any) -> dict[str, Any]:
    if not isinstance(section, dict):
        msg = f"{path}: {name} must be a section, [{name}], not {section!r}"
        raise UsageError(msg)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in section.items()}


def _section(path: str | None, name: str, section: Any, kind: type[_C]) -> _C:
    try:
        return kind.from_mapping(_values(path, name, section))
    except UsageError as error:
        where = f"{path}, section [{name}]" if path else f"INTERP_{name.upper()}"
        msg = f"{where}: {error}"
        raise UsageError(msg) from error


def _data(path: str | None, entries: Any) -> tuple[DataDefault, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        msg = f"{path}: data must be a list of sections, [[data]], not {entries!r}"
        raise UsageError(msg)
    return tuple(_section(path, "data", entry, DataDefault) for entry in entries)
