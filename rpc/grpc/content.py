"""The Content service: how a dataset's bytes get into the chain's blocks and out of them again."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from hashlib import sha256

from tilth.node.content import ContentReader
from tilth.node.service import Node
from tilth.primitives.manifest import BadManifest, File, read_manifest
from tilth.primitives.types import H256
from tilth.rpc.datasets import DatasetReader
from tilth.rpc.grpc.datasets import (
    dataset_message,
    found_message,
    preview_message,
    revision_message,
    told,
)
from tilth.rpc.grpc.failures import data_loss, failed
from tilth.rpc.grpc.limits import GrpcLimits
from tilth.rpc.grpc.methods import Context
from tilth.rpc.grpc.outcomes import Outcomes
from tilth.rpc.grpc.pieces import content_of, pieces
from tilth.rpc.grpc.upload import Upload
from tilth.rpc.grpc.values import hash_of
from tilth.v1 import content_pb2 as pb
from tilth.v1.content_pb2_grpc import ContentServicer


class ContentService(ContentServicer):
    def __init__(
        self, node: Node, reader: ContentReader, outcomes: Outcomes, limits: GrpcLimits
    ) -> None:
        self._node = node
        self._reader = reader
        self._outcomes = outcomes
        self._limits = limits
        self._datasets = DatasetReader(node)

    async def Publish(
        self, request_iterator: AsyncIterator[pb.PublishRequest], context: Context
    ) -> AsyncIterator[pb.PublishResponse]:
        upload = Upload(self._node, self._outcomes, self._limits)
        async with aclosing(upload.responses(request_iterator)) as responses:
            async for response in responses:
                yield response

    async def Fetch(
        self, request: pb.FetchRequest, context: Context
    ) -> AsyncIterator[pb.FetchResponse]:
        content = content_of(self._reader, hash_of(request.content_hash, "a content hash"))
        for data in pieces(content, request.offset, request.length):
            yield pb.FetchResponse(data=data, total_size=len(content))

    async def FetchDataset(
        self, request: pb.FetchDatasetRequest, context: Context
    ) -> AsyncIterator[pb.FetchDatasetResponse]:
        revision = self._revision(request)
        files = self._files(revision)
        yield pb.FetchDatasetResponse(revision=revision)
        for file in files:
            async with aclosing(self._file(file)) as parts:
                async for part in parts:
                    yield part

    async def GetDataset(self, request: pb.GetDatasetRequest, context: Context) -> pb.Dataset:
        with told():
            return dataset_message(self._datasets, request.dataset)

    async def GetRevision(self, request: pb.GetRevisionRequest, context: Context) -> pb.Revision:
        return self._revision(request)

    async def SearchDatasets(
        self, request: pb.SearchDatasetsRequest, context: Context
    ) -> pb.SearchDatasetsResponse:
        with told():
            return found_message(self._datasets, request)

    async def PreviewDataset(
        self, request: pb.PreviewDatasetRequest, context: Context
    ) -> pb.PreviewDatasetResponse:
        with told():
            return preview_message(self._datasets, request)

    async def DescribeDataset(
        self, request: pb.DescribeDatasetRequest, context: Context
    ) -> pb.DescribeDatasetResponse:
        number = request.revision if request.HasField("revision") else None
        with told():
            found = self._datasets.description(request.dataset, number)
        return pb.DescribeDatasetResponse(croissant=found.data, content_hash=found.hash)

    def _revision(self, request: pb.FetchDatasetRequest | pb.GetRevisionRequest) -> pb.Revision:
        number = request.revision if request.HasField("revision") else None
        with told():
            return revision_message(*self._datasets.revision(request.dataset, number))

    def _files(self, revision: pb.Revision) -> tuple[File, ...]:
        try:
            return read_manifest(content_of(self._reader, H256(revision.manifest)))
        except BadManifest as error:
            raise failed(
                f"content 0x{revision.manifest.hex()} is not the manifest of a dataset: {error}"
            ) from error

    async def _file(self, file: File) -> AsyncGenerator[pb.FetchDatasetResponse]:
        """One file, held against its size and hash as it goes."""
        header = pb.FileHeader(path=file.path, size=file.size, sha256=file.sha256)
        yield pb.FetchDatasetResponse(file=header)
        digest, left = sha256(), file.size
        for chunk in file.chunks:
            content = content_of(self._reader, chunk)
            digest.update(content)
            left -= len(content)
            if left < 0:
                break
            for data in pieces(content):
                yield pb.FetchDatasetResponse(data=data)
        if left or digest.digest() != file.sha256:
            raise data_loss(
                f"the chunks of {file.path!r} do not have the size and hash of its manifest"
            )
