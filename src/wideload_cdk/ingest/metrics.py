"""Metrics that the functions of payload ingest emit, as CloudWatch metric objects."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch

from wideload_cdk.shared.reference import ServiceReference


class IngestMetrics(ServiceReference):
    """The metrics of `PayloadIngest`, one method each.

    Each takes the options of `aws_cloudwatch.Metric` (`statistic=`, `period=`, `label=`, …),
    which override the defaults. Counts are summed, the rest averaged, over five minutes.
    """

    def metric_large_payload_count(self, **options: Any) -> cloudwatch.Metric:
        """Payloads that came through S3."""
        return self._metric("LargePayloadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_inline_payload_count(self, **options: Any) -> cloudwatch.Metric:
        """Payloads that came in the body of a request."""
        return self._metric("InlinePayloadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_payload_stored_count(self, **options: Any) -> cloudwatch.Metric:
        """Payloads that reached the state `stored`."""
        return self._metric("PayloadStoredCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_payload_failed_count(self, **options: Any) -> cloudwatch.Metric:
        """Payloads that reached the state `failed`."""
        return self._metric("PayloadFailedCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_unclaimed_payload_count(self, **options: Any) -> cloudwatch.Metric:
        """Uploads that were still unclaimed when the worker processed them."""
        return self._metric("UnclaimedPayloadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_expired_upload_count(self, **options: Any) -> cloudwatch.Metric:
        """Upload URLs that were never used, found by the sweep."""
        return self._metric("ExpiredUploadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_repaired_payload_count(self, **options: Any) -> cloudwatch.Metric:
        """Unfinished payloads that the sweep put back into the queue."""
        return self._metric("RepairedPayloadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_lost_upload_count(self, **options: Any) -> cloudwatch.Metric:
        """Uploads that were deleted before they could be processed, found by the sweep."""
        return self._metric("LostUploadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_orphan_object_count(self, **options: Any) -> cloudwatch.Metric:
        """Objects without a record, uploads or archives, that the sweep found."""
        return self._metric("OrphanObjectCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_s3_upload_duration(self, **options: Any) -> cloudwatch.Metric:
        """Time of a client's PUT to S3, in milliseconds."""
        return self._metric("S3UploadDuration", "Average", cloudwatch.Unit.MILLISECONDS, options)

    def metric_s3_upload_size(self, **options: Any) -> cloudwatch.Metric:
        """Size of an uploaded object, in bytes."""
        return self._metric("S3UploadSize", "Average", cloudwatch.Unit.BYTES, options)

    def metric_s3_download_duration(self, **options: Any) -> cloudwatch.Metric:
        """Time a function took to read an object from S3, in milliseconds."""
        return self._metric("S3DownloadDuration", "Average", cloudwatch.Unit.MILLISECONDS, options)

    def metric_processing_duration(self, **options: Any) -> cloudwatch.Metric:
        """Time from the start of processing to the stored record, in milliseconds."""
        return self._metric("ProcessingDuration", "Average", cloudwatch.Unit.MILLISECONDS, options)
