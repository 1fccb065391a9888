"""Metrics that the functions of file transfer emit, as CloudWatch metric objects."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch

from wideload_cdk.shared.reference import ServiceReference


class FilesMetrics(ServiceReference):
    """The metrics of `FileTransfer`, one method each.

    Each takes the options of `aws_cloudwatch.Metric` (`statistic=`, `period=`, `label=`, …),
    which override the defaults. Counts are summed, the rest averaged, over five minutes.
    """

    def metric_file_upload_count(self, **options: Any) -> cloudwatch.Metric:
        """Uploads that were completed."""
        return self._metric("FileUploadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_file_upload_size(self, **options: Any) -> cloudwatch.Metric:
        """Size of a completed upload, in bytes."""
        return self._metric("FileUploadSize", "Average", cloudwatch.Unit.BYTES, options)

    def metric_duplicate_file_count(self, **options: Any) -> cloudwatch.Metric:
        """Files whose content their owners had already stored, so that nothing was uploaded."""
        return self._metric("DuplicateFileCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_bytes_saved(self, **options: Any) -> cloudwatch.Metric:
        """Bytes of duplicate files, which were not uploaded."""
        return self._metric("BytesSaved", "Sum", cloudwatch.Unit.BYTES, options)

    def metric_file_download_count(self, **options: Any) -> cloudwatch.Metric:
        """Download URLs that were issued."""
        return self._metric("FileDownloadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_expired_upload_count(self, **options: Any) -> cloudwatch.Metric:
        """Uploads that were not completed within their session, found by the sweep."""
        return self._metric("ExpiredUploadCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_leftover_object_count(self, **options: Any) -> cloudwatch.Metric:
        """Objects written after their upload or file had ended, found by the sweep."""
        return self._metric("LeftoverObjectCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_file_verified_count(self, **options: Any) -> cloudwatch.Metric:
        """Files whose content has the SHA-256 that their owners declared, as the verifier found."""
        return self._metric("FileVerifiedCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_file_corrupt_count(self, **options: Any) -> cloudwatch.Metric:
        """Files whose content has another SHA-256, as the verifier found."""
        return self._metric("FileCorruptCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_file_unverifiable_count(self, **options: Any) -> cloudwatch.Metric:
        """Files too large to be verified within a function's 15 minutes."""
        return self._metric("FileUnverifiableCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_file_clean_count(self, **options: Any) -> cloudwatch.Metric:
        """Objects that a malware scanner found clean, with `scan`."""
        return self._metric("FileCleanCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_file_malware_count(self, **options: Any) -> cloudwatch.Metric:
        """Objects that a malware scanner found malware in, with `scan`."""
        return self._metric("FileMalwareCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_file_not_scanned_count(self, **options: Any) -> cloudwatch.Metric:
        """Objects that a malware scanner could not scan, with `scan`."""
        return self._metric("FileNotScannedCount", "Sum", cloudwatch.Unit.COUNT, options)

    def metric_unscanned_file_count(self, **options: Any) -> cloudwatch.Metric:
        """Objects without a result after `scan_deadline`, counted by each run of the sweep."""
        return self._metric("UnscannedFileCount", "Maximum", cloudwatch.Unit.COUNT, options)
