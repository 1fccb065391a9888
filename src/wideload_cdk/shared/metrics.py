"""The metrics that the functions emit, as CloudWatch metric objects."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch

NAMESPACE = "Wideload"
INGEST = "ingest"
FILES = "files"


class _ServiceMetrics:
    """What `IngestMetrics` and `FilesMetrics` share."""

    environment_name: str
    """The metrics' dimension `environment`."""
    _service: str

    def metric(self, metric_name: str, **options: Any) -> cloudwatch.Metric:
        """A metric of namespace `Wideload` with this construct's dimensions."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=metric_name,
            dimensions_map={"service": self._service, "environment": self.environment_name},
            **options,
        )

    def _count(self, name: str, options: dict[str, Any]) -> cloudwatch.Metric:
        return self.metric(name, **{"statistic": "Sum", "unit": cloudwatch.Unit.COUNT, **options})

    def _average(
        self, name: str, unit: cloudwatch.Unit, options: dict[str, Any]
    ) -> cloudwatch.Metric:
        return self.metric(name, **{"statistic": "Average", "unit": unit, **options})


class IngestMetrics(_ServiceMetrics):
    """Mixed into `PayloadIngest`: one method per metric.

    Each takes the options of `aws_cloudwatch.Metric` (`statistic=`, `period=`, `label=`, …),
    which override the defaults. Counts are summed, the rest averaged, over five minutes.
    """

    _service = INGEST

    def metric_large_payload_count(self, **options: Any) -> cloudwatch.Metric:
        """Payloads that came through S3."""
        return self._count("LargePayloadCount", options)

    def metric_inline_payload_count(self, **options: Any) -> cloudwatch.Metric:
        """Payloads that came in the body of a request."""
        return self._count("InlinePayloadCount", options)

    def metric_payload_stored_count(self, **options: Any) -> cloudwatch.Metric:
        """Payloads that reached the state `stored`."""
        return self._count("PayloadStoredCount", options)

    def metric_payload_failed_count(self, **options: Any) -> cloudwatch.Metric:
        """Payloads that reached the state `failed`."""
        return self._count("PayloadFailedCount", options)

    def metric_unclaimed_payload_count(self, **options: Any) -> cloudwatch.Metric:
        """Uploads that nobody had claimed when the worker processed them."""
        return self._count("UnclaimedPayloadCount", options)

    def metric_expired_upload_count(self, **options: Any) -> cloudwatch.Metric:
        """Upload URLs that were never used, found by the sweep."""
        return self._count("ExpiredUploadCount", options)

    def metric_repaired_payload_count(self, **options: Any) -> cloudwatch.Metric:
        """Unfinished payloads that the sweep put back into the queue."""
        return self._count("RepairedPayloadCount", options)

    def metric_lost_upload_count(self, **options: Any) -> cloudwatch.Metric:
        """Uploads that were deleted before they could be processed, found by the sweep."""
        return self._count("LostUploadCount", options)

    def metric_orphan_object_count(self, **options: Any) -> cloudwatch.Metric:
        """Objects without a record, uploads or archives, that the sweep found."""
        return self._count("OrphanObjectCount", options)

    def metric_sweep_backlog_age(self, **options: Any) -> cloudwatch.Metric:
        """How long the oldest item that a run of the sweep did not get to had been due, in
        seconds; 0 of a run that got to all."""
        return self.metric(
            "SweepBacklogAge",
            **{"statistic": "Maximum", "unit": cloudwatch.Unit.SECONDS, **options},
        )

    def metric_s3_upload_duration(self, **options: Any) -> cloudwatch.Metric:
        """Time of a client's PUT to S3, in milliseconds."""
        return self._average("S3UploadDuration", cloudwatch.Unit.MILLISECONDS, options)

    def metric_s3_upload_size(self, **options: Any) -> cloudwatch.Metric:
        """Size of an uploaded object, in bytes."""
        return self._average("S3UploadSize", cloudwatch.Unit.BYTES, options)

    def metric_s3_download_duration(self, **options: Any) -> cloudwatch.Metric:
        """Time a function took to read an object from S3, in milliseconds."""
        return self._average("S3DownloadDuration", cloudwatch.Unit.MILLISECONDS, options)

    def metric_processing_duration(self, **options: Any) -> cloudwatch.Metric:
        """Time from the start of processing to the stored record, in milliseconds."""
        return self._average("ProcessingDuration", cloudwatch.Unit.MILLISECONDS, options)


class FilesMetrics(_ServiceMetrics):
    """Mixed into `FileTransfer`: one method per metric.

    Each takes the options of `aws_cloudwatch.Metric` (`statistic=`, `period=`, `label=`, …),
    which override the defaults. Counts are summed, the rest averaged, over five minutes.
    """

    _service = FILES

    def metric_file_upload_count(self, **options: Any) -> cloudwatch.Metric:
        """Uploads that were completed."""
        return self._count("FileUploadCount", options)

    def metric_file_upload_size(self, **options: Any) -> cloudwatch.Metric:
        """Size of a completed upload, in bytes."""
        return self._average("FileUploadSize", cloudwatch.Unit.BYTES, options)

    def metric_duplicate_file_count(self, **options: Any) -> cloudwatch.Metric:
        """Files that their owners had already, so that nothing was uploaded."""
        return self._count("DuplicateFileCount", options)

    def metric_bytes_saved(self, **options: Any) -> cloudwatch.Metric:
        """Bytes of duplicate files, which were not uploaded."""
        return self.metric(
            "BytesSaved", **{"statistic": "Sum", "unit": cloudwatch.Unit.BYTES, **options}
        )

    def metric_file_download_count(self, **options: Any) -> cloudwatch.Metric:
        """Download URLs that were handed out."""
        return self._count("FileDownloadCount", options)

    def metric_expired_upload_count(self, **options: Any) -> cloudwatch.Metric:
        """Uploads that were not completed within their session, found by the sweep."""
        return self._count("ExpiredUploadCount", options)

    def metric_leftover_object_count(self, **options: Any) -> cloudwatch.Metric:
        """Objects of ended uploads and deleted files that came back, found by the sweep."""
        return self._count("LeftoverObjectCount", options)

    def metric_sweep_backlog_age(self, **options: Any) -> cloudwatch.Metric:
        """How long the oldest item that a run of the sweep did not get to had been due, in
        seconds; 0 of a run that got to all."""
        return self.metric(
            "SweepBacklogAge",
            **{"statistic": "Maximum", "unit": cloudwatch.Unit.SECONDS, **options},
        )

    def metric_file_verified_count(self, **options: Any) -> cloudwatch.Metric:
        """Files whose content the verifier found to be what their owners said."""
        return self._count("FileVerifiedCount", options)

    def metric_file_corrupt_count(self, **options: Any) -> cloudwatch.Metric:
        """Files whose content the verifier found to be something else."""
        return self._count("FileCorruptCount", options)

    def metric_file_unverifiable_count(self, **options: Any) -> cloudwatch.Metric:
        """Files too large to be verified within a function's 15 minutes."""
        return self._count("FileUnverifiableCount", options)
