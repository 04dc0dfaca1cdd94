"""What logs, traces and metrics get of a job: its name in log lines, its span, and the events of its claim and end."""

from understudy import correlation, telemetry, tracing
from understudy.correlation import Correlation
from understudy.engine.jobs.job import Job, JobKind, Work
from understudy.store.workers import Key


def correlate(kind: JobKind[Key, Work], job: Job[Key, Work]) -> None:
    """From here on, log lines of the task name the job."""
    key, origin = job.candidate.key, kind.origin(job.work)
    known = Correlation(request_id=origin.request_id, project_id=job.candidate.project_id)
    if isinstance(key, str):
        known.run_id = key
    else:
        known.job = f"{kind.name} {key}"
    correlation.current.set(known)
    correlation.trace.set(origin.trace)


def is_traced(job: Job[Key, Work]) -> bool:
    """Whether the job has a span below that of the request that created it; a run has a span of its own."""
    return correlation.trace.get() is not None and not isinstance(job.candidate.key, str)


async def run_in_span(kind: JobKind[Key, Work], job: Job[Key, Work]) -> float | None:
    """As `JobKind.run`."""
    attributes: dict[str, tracing.Value] = {
        "understudy.job.kind": kind.name,
        "understudy.project.id": job.candidate.project_id,
    }
    with tracing.span(f"process {kind.name}", "consumer", attributes):
        return await kind.run(job.work)


def emit_claim(kind: JobKind[Key, Work], job: Job[Key, Work], now: float) -> None:
    created_at = kind.created_at(job.work)
    telemetry.publish(
        telemetry.JobClaimed(
            job_kind=kind.name,
            key=job.candidate.key,
            project_id=job.candidate.project_id,
            wait=None if created_at is None else max(0.0, now - created_at),
        )
    )


def emit_end(name: str, job: Job[Key, Work]) -> None:
    """`name` is that of the kind."""
    key, project_id = job.candidate.key, job.candidate.project_id
    duration = telemetry.elapsed(job.started)
    if job.retry_delay is not None:
        telemetry.emit(
            telemetry.JobRetried,
            job_kind=name,
            key=key,
            project_id=project_id,
            delay=job.retry_delay,
            duration=duration,
        )
    else:
        status: telemetry.JobEnd = "interrupted" if job.interrupted else "ended"
        telemetry.publish(
            telemetry.JobFinished(job_kind=name, key=key, project_id=project_id, status=status, duration=duration)
        )
